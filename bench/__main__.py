"""`python -m bench [--quick] [--only PART] [--json FILE]`: run, print, write JSON."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import cabinet, codec, composite, local_list, memory, pages, report, tls, whole_loop

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = Path("docs/performance.json")
PARTS: dict[str, Callable[[bool], dict[str, Any]]] = {
    "codec": codec.measure,
    "whole_loop": whole_loop.measure,
    "memory": memory.measure,
    "local_list": local_list.measure,
    "composite": composite.measure,
    "cabinet": cabinet.measure,
    "pages": pages.measure,
    "tls": tls.measure,
}


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures what Forecourt costs.")
    parser.add_argument(
        "--quick", action="store_true", help="a few seconds, to see that it runs; the figures mean nothing"
    )
    parser.add_argument("--only", choices=PARTS, action="append", help="a part; may be given again")
    parser.add_argument("--json", type=Path, help=f"where to write the figures; {RESULTS} unless --quick or --only")
    wanted = parser.parse_args()
    began = time.monotonic()
    results: dict[str, Any] = {"machine": report.machine(), "quick": wanted.quick}
    for name, measure in PARTS.items():
        if not wanted.only or name in wanted.only:
            results[name] = measure(wanted.quick)
    results["aims"] = report.aims(results)
    results["took_s"] = round(time.monotonic() - began, 1)
    print(report.as_text(results))
    target = wanted.json or (None if wanted.quick or wanted.only else RESULTS)
    if target is not None:
        target.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        print(f"\nWritten to {target}; took {results['took_s']} s.")


if __name__ == "__main__":
    main()
