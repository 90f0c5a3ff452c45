"""Opening a station of this process, piece by piece, on a stack that closes what was opened."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from forecourt.runtime.clock import Clock
from forecourt.runtime.data_folder import DataFolder, settle
from forecourt.runtime.files import Files
from forecourt.runtime.host import Host
from forecourt.runtime.link import Links
from forecourt.runtime.station_log import StationLog

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AsyncExitStack
    from pathlib import Path

    from forecourt.evlink.keys import Key
    from forecourt.runtime.data_folder import Wishes
    from forecourt.runtime.hosted import HostedStation
    from forecourt.station.commissioning import Chance, StationOptions

CLOSE_S = 1.0
"""Real seconds that links get to close at the end."""


def open_folder(opened: AsyncExitStack, data: Path | None) -> DataFolder | None:
    """The data folder; None where nothing is to be kept. Raises `ForecourtError` with a sentence."""
    if data is None:
        return None
    folder = DataFolder(data)
    opened.callback(folder.close)
    return folder


def clock_after(folder: DataFolder | None, speed: float) -> Clock:
    """A clock at the present time, or where the folder's own sped-up time has come to when that is later."""
    return Clock(speed, wall_origin=max(time.time(), 0.0 if folder is None else folder.last_wall_s))


async def open_station(
    opened: AsyncExitStack,
    clock: Clock,
    folder: DataFolder | None,
    wishes: Wishes,
    options: StationOptions,
    settings: Iterable[tuple[Key, str]] = (),
    *,
    recommission: bool = False,
    authorities: str | None = None,
    chance: Chance | None = None,
) -> tuple[Host, HostedStation]:
    """A host with one station without power yet. Raises `ForecourtError` with a sentence.

    `authorities` are the roots in PEM that it trusts over TLS, None for those of the system.
    `chance` is the system's unless given.
    """
    commissioning = settle(None if folder is None else folder.kept, wishes, recommission)
    links = Links(close_timeout_s=CLOSE_S, certificate_authorities=authorities)
    opened.push_async_callback(links.close, within_s=CLOSE_S)
    records, meters = (None, None) if folder is None else (folder.records, folder.meters)
    keys = None if folder is None else folder.keys
    host = Host(clock, links, records, meters, chance, files=Files(authorities), keys=keys)
    opened.push_async_callback(host.stop)
    if folder is not None:
        await folder.keep(commissioning)
    log = StationLog() if folder is None else folder.log
    return host, await host.add(commissioning, options, settings, log=log)
