"""The demo as a person sees it: a table that lives in a terminal, plain lines anywhere else."""

from __future__ import annotations

import asyncio
import itertools
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from forecourt.cli.words import kept_in, printable
from forecourt.screen.views import station_view
from forecourt.station.hardware import Phase

if TYPE_CHECKING:
    from pathlib import Path

    from forecourt.cli.demo_site import DemoSite
    from forecourt.runtime.wire_log import WireMessage
    from forecourt.screen.views import ConnectorView, StationView

REFRESH_S = 0.25
PLAIN_S = 5.0
"""Real seconds between two plain lines about energy that flows."""
MESSAGES = 10
STYLES = {
    "Available": "green",
    "Preparing": "yellow",
    "Charging": "bold cyan",
    "SuspendedEV": "magenta",
    "SuspendedEVSE": "magenta",
    "Finishing": "yellow",
    "Faulted": "bold red",
}
LONGEST_STATUS = len("SuspendedEVSE")


async def show(site: DemoSite) -> None:
    """Show the site until cancelled."""
    if sys.stdout.isatty():
        await _show_live(site)
    else:
        await _tell_plainly(site)


def introduction(site: DemoSite, data: Path | None) -> str:
    """What runs and where to look, in a few lines."""
    addresses = site.addresses
    station = site.station
    return "\n".join(
        (
            f"Forecourt demo: open {site.page} in a browser.",
            f"  It is an {station.model.reference} as {station.identity}, at speed {site.clock.speed:g}.",
            f"  supervision   {addresses['supervisionUrl']}/api/stations",
            f"  station       {addresses['stationUrl']}/api/stations",
            f"  OCPP 1.6-J    {addresses['ocppUrl']}/{station.identity}",
            f"{kept_in(data)} Ctrl-C ends.",
        )
    )


# In a terminal


async def _show_live(site: DemoSite) -> None:
    console = Console(highlight=False, markup=False)
    with Live(console=console, auto_refresh=False, transient=False) as live:
        while True:
            live.update(picture(site), refresh=True)
            await asyncio.sleep(REFRESH_S)


def picture(site: DemoSite) -> Group:
    """The station's connectors and its last messages."""
    view = station_view(site.station)
    wire = site.station.seat.wire
    messages = [] if wire is None else list(wire.messages())[-MESSAGES:]
    return Group(_headline(view), Text(), _connectors(view), Text(), _phases(view), Text(), _messages(messages))


def _headline(view: StationView) -> Text:
    link = "no link" if view.link is None else f"link {view.link.state}"
    boot = "" if view.boot is None else f", boot {view.boot}"
    problem = f" ({view.link.problem})" if view.link is not None and view.link.problem else ""
    clock = view.clock.strftime("%Y-%m-%d %H:%M:%S UTC")
    return Text(printable(f"{view.identity}  {view.model}  {view.state}, {link}{boot}{problem}  {clock}"), style="bold")


def _connectors(view: StationView) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("Gun", no_wrap=True)
    table.add_column("Status", no_wrap=True, min_width=LONGEST_STATUS)
    for heading in ("kW", "V", "A", "SoC %", "kWh"):
        table.add_column(heading, justify="right", min_width=6, no_wrap=True)
    table.add_column("Session", no_wrap=True)
    for row in view.connectors:
        status = row.status or "-"
        table.add_row(
            f"{row.connectorId} {row.type}",
            Text(status, style=STYLES.get(status, "")),
            f"{row.power_w / 1000:.1f}",
            f"{row.voltage_v:.0f}",
            f"{row.current_a:.0f}",
            "-" if row.soc_percent is None else f"{row.soc_percent:.1f}",
            f"{session_kwh(row):.2f}",
            _session(row),
        )
    return table


def _phases(view: StationView) -> Group:
    """Where each session is, and the three figures of its power."""
    return Group(*(Text(_phase_line(row), no_wrap=True, overflow="ellipsis") for row in view.connectors))


def _phase_line(row: ConnectorView) -> str:
    drawn_kw, offered_kw, limited_kw = (watts / 1000 for watts in (row.power_w, row.offered_w, row.limited_w))
    figures = f"drawn {drawn_kw:.1f}, offered {offered_kw:.1f}, limited to {limited_kw:.1f} kW"
    return f"gun {row.connectorId} {row.phase or '-'}: {figures}"


def session_kwh(row: ConnectorView) -> float:
    """The energy of the running session, or 0."""
    return 0.0 if row.transaction is None else (row.meter_wh - row.transaction["meterStart"]) / 1000


def _session(row: ConnectorView) -> str:
    if row.transaction is None:
        return "a car is plugged in" if row.plugged else ""
    return printable(f"{row.transaction['transactionId'] or '?'} {row.transaction['idTag']}")


def _messages(messages: list[WireMessage]) -> Group:
    return Group(*(Text(message_line(message), no_wrap=True, overflow="ellipsis") for message in messages))


def message_line(message: WireMessage) -> str:
    """One line: time, direction, action, time to the answer, what it says."""
    time = datetime.fromtimestamp(message.time, UTC).strftime("%H:%M:%S")
    latency = "" if message.latency_ms is None else f" {message.latency_ms:.0f} ms"
    return f"{time} {message.direction} {message.action or '?'}{latency} {printable(gist(message.text))}"


def gist(text: str) -> str:
    """What a frame says without its envelope; of meter values only the values with their units."""
    try:
        parts = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return text.replace("\n", " ")
    match parts:
        case [2, _, _, {"meterValue": [{"sampledValue": [*values]}, *_]}]:
            said = (f"{value.get('value', '')} {value.get('unit', '')}".strip() for value in values)
            return ", ".join(said)
        case [2, _, "DataTransfer", {"messageId": str(name), "data": str(data)}]:
            return _vendor_gist(name, data)
        case [2, _, _, dict(payload)] | [3, _, dict(payload)]:
            return ", ".join(f"{name} {_plain(value)}" for name, value in payload.items())
        case _:
            return text.replace("\n", " ")


def _vendor_gist(name: str, data: str) -> str:
    """What a vendor's message says, without saying its name once more."""
    try:
        told = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeEncodeError):
        told = None
    if not isinstance(told, dict):
        return f"{name} {data}"
    said = (f"{field} {_plain(value)}" for field, value in told.items() if value != name)
    return f"{name} {', '.join(said)}"


def _plain(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


# Anywhere else


async def _tell_plainly(site: DemoSite) -> None:
    """A line for each change of a status, and one now and then while energy flows."""
    told: dict[int, str | None] = {}
    for look in itertools.count():
        view = station_view(site.station)
        is_time = look % round(PLAIN_S / REFRESH_S) == 0
        for row in view.connectors:
            if told.get(row.connectorId, "") != row.status or (is_time and row.power_w > 0):
                told[row.connectorId] = row.status
                print(plain_line(view, row), flush=True)
        await asyncio.sleep(REFRESH_S)


def plain_line(view: StationView, row: ConnectorView) -> str:
    """What a gun does, in one line."""
    soc = "" if row.soc_percent is None else f", SoC {row.soc_percent:.1f} %"
    phase = "" if row.phase in (None, Phase.IDLE) else f", {row.phase}"
    flow = (
        f", {row.power_w / 1000:.1f} of {row.offered_w / 1000:.0f} kW, {row.voltage_v:.0f} V, {row.current_a:.0f} A"
        if row.power_w > 0
        else ""
    )
    energy = "" if row.transaction is None else f", {session_kwh(row):.2f} kWh"
    return (
        f"{view.clock:%H:%M:%S} gun {row.connectorId} {row.type}: {row.status or view.state}{phase}{flow}{soc}{energy}"
    )
