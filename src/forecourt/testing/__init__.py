"""EVlink Pro DC stations in the tests of a central system, and a central system in the tests of a station.

    async with forecourt.testing.station("ws://127.0.0.1:9000/ocpp", model="EVD1S60THB", identity="CP-1") as station:
        station.plug(1)
        station.badge("AB12CD34")
        await station.status(1, "Charging", within=30)
        start = await station.message("StartTransaction")

Three ways to have stations, which are handled alike (`Station`, `Supervision` and `Site` say how):

- `station`, `stations`: over real sockets against any address, in real time or `speed` times as fast;
- `site`: over real sockets against a Forecourt supervision in this process;
- `laboratory`: the same without sockets in virtual time, where a day takes milliseconds and one seed is one run.

`supervision` is a supervision alone, for a station of yours. What is done (`plug`, `badge`, `fault`) happens at once;
what is awaited (`status`, `message`) ends with the event itself, or raises `NotInTimeError`, which shows the last
messages. All of them are asynchronous context managers for an asyncio loop.

The modules are imported when they are needed, so that naming this package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecourt.errors import ForecourtError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractAsyncContextManager

    from forecourt.station.commissioning import StationOptions
    from forecourt.testing.bench import Site, Station, Supervision

MODEL = "EVD1S180THB"
"""A cabinet with a CCS2 and a CHAdeMO gun, 180 kW."""
IDENTITY = "FORECOURT-1"


class NotInTimeError(ForecourtError):
    """What was awaited did not come: what it was, how it stands, and the last messages."""


class CommandError(ForecourtError):
    """A command of the supervision got no CALLRESULT."""


def station(
    url: str,
    *,
    model: str = MODEL,
    identity: str = IDENTITY,
    serial: str | None = None,
    firmware: str | None = None,
    authorization_key: str | None = None,
    keys: Mapping[str, str] | None = None,
    options: StationOptions | None = None,
    speed: float = 1.0,
) -> AbstractAsyncContextManager[Station]:
    """A station that connects to `url`, which is without the identity.

    `keys` are set with the installer's access before it wakes, `options` are what no key reaches, and `speed` is how
    many seconds of the station pass in a real one. Raises a `ForecourtError` with a sentence for what cannot be.
    """
    from forecourt.testing.live import open_station

    return open_station(
        url,
        model=model,
        identity=identity,
        serial=serial,
        firmware=firmware,
        authorization_key=authorization_key,
        keys=keys,
        options=options,
        speed=speed,
    )


def stations(
    url: str,
    count: int,
    *,
    model: str = MODEL,
    identity: str = "FORECOURT-{}",
    keys: Mapping[str, str] | None = None,
    options: StationOptions | None = None,
    speed: float = 1.0,
) -> AbstractAsyncContextManager[list[Station]]:
    """`count` stations that connect to `url`; `{}` in the identity stands for 1, 2, 3 and so on."""
    from forecourt.testing.live import open_stations

    return open_stations(url, count, model=model, identity=identity, keys=keys, options=options, speed=speed)


def supervision(*, speed: float = 1.0, accept_unknown_tags: bool = False) -> AbstractAsyncContextManager[Supervision]:
    """A Forecourt supervision on free ports of this machine, forgotten at the end."""
    from forecourt.testing.live import open_supervision

    return open_supervision(speed=speed, accept_unknown_tags=accept_unknown_tags)


def site(*, speed: float = 1.0) -> AbstractAsyncContextManager[Site]:
    """A Forecourt supervision and stations that connect to it over real sockets, all on one clock."""
    from forecourt.testing.live import open_site

    return open_site(speed=speed)


def laboratory(*, seed: int = 1) -> AbstractAsyncContextManager[Site]:
    """A Forecourt supervision and stations without sockets in virtual time, which passes while something is awaited."""
    from forecourt.testing.virtual import open_laboratory

    return open_laboratory(seed=seed)
