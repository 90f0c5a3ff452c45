"""What was cut where, in words and as data."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from chaos.ledger import repeated, set_back
from chaos.proxy import Way

if TYPE_CHECKING:
    from chaos.ledger import Books
    from chaos.storm import Kill, Storm


def report_of(storm: Storm, books: Books, meters: dict[str, list[float]], wrong: list[str]) -> dict[str, Any]:
    """Everything worth keeping of a storm."""
    kills = storm.kills
    looked = [kill for kill in kills if kill.lost_s is not None]
    delivered_wh = sum(
        row["meterStop"] - row["meterStart"] for row in books.transactions if row["meterStop"] is not None
    )
    weather: Counter[str] = Counter()
    for driver in storm.drivers:
        weather.update(driver.proxy.counts)
    return {
        "plan": msgspec.to_builtins(storm.plan),
        "kills": len(kills),
        "struck": _struck(kills),
        "weather": dict(weather),
        "sessions": {
            "seen": len(storm.witness.seen),
            "inTheLedger": len(books.transactions),
            "clockSetBackMeanwhile": set_back(books),
            "reasons": dict(Counter(row["reason"] or "Local" for row in books.transactions)),
        },
        "repeatedOnTheWire": repeated(books),
        "energy": {"ledgerWh": delivered_wh, "metersWh": round(sum(sum(guns) for guns in meters.values()), 3)},
        "meterForgot": {
            "looked": len(looked),
            "mostRealSeconds": max((kill.lost_s or 0.0 for kill in looked), default=0.0),
            "mostWh": max((kill.lost_wh or 0.0 for kill in looked), default=0.0),
        },
        "violations": wrong,
        "each": [msgspec.to_builtins(kill) for kill in kills],
    }


def _struck(kills: list[Kill]) -> list[dict[str, Any]]:
    """How many kills struck which process at which step, most first."""
    counts = Counter((kill.process, kill.step, kill.moment, kill.link, kill.charging) for kill in kills)
    names = ("process", "step", "moment", "link", "charging")
    return [{**dict(zip(names, where, strict=True)), "kills": count} for where, count in counts.most_common()]


def as_text(report: dict[str, Any]) -> str:
    """The same as a short table."""
    cells: dict[tuple[str, str], Counter[str]] = {}
    for row in report["struck"]:
        columns = ["online" if row["link"] == "open" else "offline", row["moment"], row["charging"] and "session"]
        cells.setdefault((row["process"], row["step"]), Counter()).update(
            {column: row["kills"] for column in columns if column}
        )
    names = ("online", "offline", "session", *Way)
    lines = [f"{'killed':<12} {'while the driver would':<23} " + " ".join(f"{name:>12}" for name in names)]
    lines += [
        f"{process:<12} {step:<23} " + " ".join(f"{count[name]:>12}" for name in names)
        for (process, step), count in sorted(cells.items())
    ]
    sessions, energy, forgot = report["sessions"], report["energy"], report["meterForgot"]
    again = ", ".join(f"{count} {action}" for action, count in report["repeatedOnTheWire"].items())
    weather = ", ".join(f"{name} {count}" for name, count in sorted(report["weather"].items()))
    return "\n".join(
        (
            *lines,
            f"Kills: {report['kills']}. Weather: {weather}.",
            f"Sessions: {sessions['seen']} seen, {sessions['inTheLedger']} in the ledger; "
            f"{sessions['clockSetBackMeanwhile']} with a clock that was set back meanwhile.",
            f"Repeated on the wire and recognised: {again}.",
            f"Energy: {energy['ledgerWh']} Wh in the ledger, {energy['metersWh']} Wh on the meters.",
            f"A killed meter forgot at most {forgot['mostRealSeconds']} real seconds ({forgot['mostWh']} Wh), "
            f"in {forgot['looked']} kills that were looked at.",
            *(f"VIOLATION: {wrong}" for wrong in report["violations"]),
            f"{len(report['violations'])} violations.",
        )
    )
