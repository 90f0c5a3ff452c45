"""What Forecourt costs: CPU a message and memory a station, beside a bare echo and beside the PyPI package `ocpp`.

`python -m bench` runs everything, prints ratios and writes JSON; `docs/performance.md` explains method and results.
"""
