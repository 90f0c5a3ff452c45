"""The benchmark runs and writes what `docs/performance.md` describes. No figure is judged: that would be chance."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def run_quickly(folder: Path, *arguments: str) -> dict[str, Any]:
    target = folder / "figures.json"
    subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--json", str(target), *arguments],
        cwd=ROOT,
        check=True,
        timeout=100,
        capture_output=True,
    )
    figures: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    return figures


def test_bench_writes_the_figures_of_every_part_as_json(tmp_path: Path) -> None:
    figures = run_quickly(tmp_path)
    assert {
        "machine",
        "codec",
        "whole_loop",
        "memory",
        "local_list",
        "composite",
        "cabinet",
        "tls",
        "aims",
        "took_s",
    } <= figures.keys()
    assert figures["quick"] is True
    assert {"ours_us", "package_us", "ratio"} <= figures["codec"]["MeterValues decode+validate"].keys()
    assert figures["whole_loop"]["stacks"].keys() == {"forecourt", "echo", "package"}
    for stack in figures["whole_loop"]["stacks"].values():
        assert stack["station_us"] > 0
        assert stack["supervision_us"] > 0
    assert figures["memory"]["20"].keys() >= {"idle_kb", "session_kb"}
    assert len(figures["aims"]) == 6
    assert {"hours_per_cpu_s", "hours_per_cpu_s_asking_ahead"} <= figures["cabinet"].keys()
    assert figures["local_list"]["messages"] == 10
    assert {"message_ms", "lookup_us", "status_change_us", "memory_mb"} <= figures["local_list"].keys()
    assert {"gun_ms_20_profiles", "gun_ms_40_profiles", "gun_40_to_20"} <= figures["composite"].keys()
    assert {"tls_1_2_full_over_resumed", "tls_1_3_full_over_resumed", "tls_station_kb"} <= figures["tls"].keys()
    assert figures["tls"]["tls_connections_per_s"] > 0
    assert figures["tls"]["own_connections_resumed"] == 0


def test_supervision_of_the_bench_keeps_every_meter_value_of_cars_that_really_charge(tmp_path: Path) -> None:
    """Nothing is cut short: what was answered is in the database, but for the frames that are no MeterValues."""
    whole = run_quickly(tmp_path, "--only", "whole_loop")["whole_loop"]
    other_frames = whole["frames_answered"] - whole["stored_meter_values"]
    assert whole["stored_meter_values"] > whole["stations"]
    assert 0 < other_frames <= 20 * whole["stations"]
    assert whole["sampled_values"] >= 4
    assert whole["energy_wh"] > 0
