"""`python -m chaos [--kills N] [--seed N] [--stations N] [--json FILE] [--data DIR]`: storm, reconcile, tell."""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx2

from chaos.ledger import violations
from chaos.processes import ChaosError
from chaos.report import as_text, report_of
from chaos.storm import Plan, Storm


def main() -> int:
    """1 when something was lost."""
    parser = argparse.ArgumentParser(
        prog="python -m chaos", description="Kills real processes and reconciles the ledger with the meters."
    )
    parser.add_argument("--kills", type=int, default=200, help="SIGKILLs in all")
    parser.add_argument("--seed", type=int, default=None, help="what to draw everything from; a new one unless given")
    parser.add_argument("--stations", type=int, default=3, help="stations, each a process with a proxy of its own")
    parser.add_argument("--json", type=Path, help="where to write the report")
    parser.add_argument("--data", type=Path, help="keep the data folders and logs here")
    wanted = parser.parse_args()
    plan = Plan(secrets.randbits(32) if wanted.seed is None else wanted.seed, wanted.kills, wanted.stations)
    print(f"python -m chaos --seed {plan.seed} --kills {plan.kills} --stations {plan.stations}", flush=True)
    with tempfile.TemporaryDirectory() as passing:
        folder = wanted.data or Path(passing)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            report = asyncio.run(run(plan, folder))
        except* ChaosError as errors:
            print(*(error for error in errors.exceptions), sep="\n", file=sys.stderr)
            report = None
    if report is None:
        return 1
    print(as_text(report))
    if wanted.json is not None:
        wanted.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 1 if report["violations"] else 0


async def run(plan: Plan, folder: Path) -> dict[str, Any]:
    """A storm and its report."""
    began_s = time.monotonic()

    def tell(line: str) -> None:
        if sys.stderr.isatty():
            print(f"\r{line:<70}", end="", file=sys.stderr, flush=True)

    async with httpx2.AsyncClient(timeout=30.0) as http:
        storm = Storm(plan, folder, http, tell)
        books, meters = await storm.run()
    report = report_of(storm, books, meters, violations(books, storm.witness, meters))
    return {**report, "took_s": round(time.monotonic() - began_s, 1)}


if __name__ == "__main__":
    sys.exit(main())
