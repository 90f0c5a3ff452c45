"""The report: what was measured, on what, and which aims were met."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("forecourt", "msgspec", "websockets", "uvloop", "sqlalchemy", "ocpp", "jsonschema")

PLAIN_PARTS = {
    "local_list": "SendLocalList, one station",
    "composite": "GetCompositeSchedule over 24 h, one station",
    "cabinet": "the cabinet, two cars in back-to-back sessions, read every 60 s",
    "pages": "open pages in the browser",
    "tls": "TLS: handshakes of OpenSSL, connections to the supervision, memory of connected stations",
}
"""Parts whose figures are told one a line, by name."""

CODEC_AIM = 100.0
ECHO_AIM = 2.5
PACKAGE_AIM = 15.0
IDLE_AIM_KB = 12.0
SESSION_AIM_KB = 20.0
CABINET_AIM_HOURS = 1000.0


def machine() -> dict[str, Any]:
    """What the figures are from."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "load_before": round(os.getloadavg()[0], 2),
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def aims(results: dict[str, Any]) -> list[dict[str, Any]]:
    """Each aim that was measured: what, the figure, the aim, and whether it was met."""
    found = []
    if "codec" in results:
        ratio = results["codec"]["MeterValues decode+validate"]["ratio"]
        found.append(_aim("package / ours, MeterValues decode+validate", ratio, ">=", CODEC_AIM))
    if "whole_loop" in results:
        ratios = results["whole_loop"]["ratios"]
        found.append(_aim("station side, ours / bare echo", ratios["station_over_echo"], "<=", ECHO_AIM))
        found.append(_aim("station side, package / ours", ratios["package_over_station"], ">=", PACKAGE_AIM))
    for count, of_one in results.get("memory", {}).items():
        found.append(_aim(f"KB a connected station of {count}, idle", of_one["idle_kb"], "<=", IDLE_AIM_KB))
        found.append(_aim(f"KB a connected station of {count}, session", of_one["session_kb"], "<=", SESSION_AIM_KB))
    if "cabinet" in results:
        hours = results["cabinet"]["hours_per_cpu_s"]
        found.append(_aim("hours of charging a second of CPU, one station", hours, ">=", CABINET_AIM_HOURS))
    return found


def _aim(what: str, figure: float, relation: str, aim: float) -> dict[str, Any]:
    met = figure >= aim if relation == ">=" else figure <= aim
    return {"what": what, "figure": figure, "aim": f"{relation} {aim:g}", "met": met}


def as_text(results: dict[str, Any]) -> str:
    """The report for a terminal."""
    box = results["machine"]
    lines = [f"{box['cpu']}, {box['cores']} cores, Python {box['python']}, {box['system']}"]
    if "codec" in results:
        lines += ["", _row("codec, us of CPU", "ours", "package", "ratio")]
        lines += [
            _row(name, f"{row['ours_us']:.2f}", f"{row['package_us']:.1f}", f"{row['ratio']:.0f}")
            for name, row in results["codec"].items()
        ]
    if "whole_loop" in results:
        lines += _whole_loop(results["whole_loop"])
    if "memory" in results:
        lines += ["", _row("KB a connected station", "idle", "session", "")]
        lines += [
            _row(f"{count} stations", f"{row['idle_kb']:.1f}", f"{row['session_kb']:.1f}", "")
            for count, row in results["memory"].items()
        ]
    for part, title in PLAIN_PARTS.items():
        if part in results:
            lines += ["", title, *(_row(f"  {name}", f"{figure:g}") for name, figure in results[part].items())]
    lines += ["", _row("aims", "figure", "aim", "met")]
    lines += [
        _row(row["what"], f"{row['figure']:g}", row["aim"], "yes" if row["met"] else "no") for row in results["aims"]
    ]
    return "\n".join(lines)


def _whole_loop(whole: dict[str, Any]) -> list[str]:
    head = f"whole loop, {whole['stations']} stations, us of CPU a message"
    lines = ["", _row(head, "station", "superv.", "messages/s")]
    lines += [
        _row(name, f"{row['station_us']:.1f}", f"{row['supervision_us']:.1f}", f"{row['messages_per_s']:.0f}")
        for name, row in whole["stacks"].items()
    ]
    ratios = whole["ratios"]
    lines.append(
        _row("ours / bare echo", f"{ratios['station_over_echo']:.2f}", f"{ratios['supervision_over_echo']:.2f}", "")
    )
    package = f"{ratios['package_over_station']:.1f}", f"{ratios['package_over_supervision']:.1f}"
    lines.append(_row("package / ours", *package, ""))
    return lines


def _row(name: str, *cells: str) -> str:
    return f"{name:<52}" + "".join(f"{cell:>12}" for cell in cells)
