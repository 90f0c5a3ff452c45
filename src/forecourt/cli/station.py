"""`forecourt station`: one station with its simulated cabinet and its control API, until Ctrl-C."""

from __future__ import annotations

from enum import Enum
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from forecourt.cli.errors import Misuse, looked_up
from forecourt.errors import ForecourtError
from forecourt.runtime.ports import CONTROL_PORT, HOST

if TYPE_CHECKING:
    from forecourt.evlink.keys import Key
    from forecourt.station.commissioning import StationOptions

COUNT_MAX = 9
"""The most that an option which counts takes."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("station")(station)


def station(
    url: Annotated[str | None, typer.Option(help="The supervision, without the identity: ws://HOST:PORT/PATH.")] = None,
    identity: Annotated[str | None, typer.Option("--id", help="The identity in the connection's address.")] = None,
    model: Annotated[str | None, typer.Option(help="A commercial reference, see `forecourt guide models`.")] = None,
    serial: Annotated[str | None, typer.Option(help="The serial number.")] = None,
    firmware: Annotated[str | None, typer.Option(help="The firmware version.")] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep everything in this folder; without it nothing is kept.")
    ] = None,
    http: Annotated[
        str, typer.Option(metavar="[HOST:]PORT", help="Where the control API is; port 0 finds a free one.")
    ] = f"{HOST}:{CONTROL_PORT}",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set a configuration key as the installer; may be repeated."),
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option(
            "--option",
            metavar="NAME=VALUE",
            help="Set what is no OCPP key, such as accept_amperes=true; may be repeated, a wrong name lists all.",
        ),
    ] = None,
    cars: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A folder with cars of your own, *.toml; plug one in by its file's name."),
    ] = None,
    trust: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Trust the authorities in this PEM file over wss and https, in place of the system's."
        ),
    ] = None,
    recommission: Annotated[
        bool, typer.Option("--recommission", help="Change what the data folder was commissioned with.")
    ] = False,
    speed: Annotated[float, typer.Option(help="How many seconds of the station pass in a real one.")] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Say everything as JSON, an object a line.")] = False,
) -> None:
    """Run a charging station that connects to a supervision, until Ctrl-C.

    What names the station (--url, --id, --model, --serial, --firmware) commissions a new data folder; later it may be
    left out. --set works at every start, also on read-only keys.
    """
    from forecourt.cli.station_process import Plan, Teller, run_station
    from forecourt.runtime.car_files import load_cars
    from forecourt.runtime.data_folder import Wishes, commission
    from forecourt.runtime.loop import run
    from forecourt.runtime.tls import read_authorities

    chosen = key_settings(settings or [])
    wishes = Wishes(identity, url, model, serial, firmware, _authorization_key(chosen))
    looked_up(commission, wishes)
    address, port = http_address(http)
    plan = Plan(
        wishes=wishes,
        settings=chosen,
        options=station_options(options or [], clock_speed(speed)),
        data=data,
        http_address=address,
        http_port=port,
        recommission=recommission,
        authorities=None if trust is None else looked_up(read_authorities, trust),
        cars={} if cars is None else looked_up(load_cars, cars),
    )
    run(run_station(plan, Teller(as_json)))


def key_settings(texts: list[str]) -> list[tuple[Key, str]]:
    """The keys and their checked values. Raises `Misuse`."""
    from forecourt.evlink.keys import require_key

    chosen = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise Misuse(f"--set takes KEY=VALUE, such as HeartbeatInterval=60; {text!r} came.")
        key = looked_up(require_key, name.strip())
        chosen.append((key, value if key.name == "AuthorizationKey" else looked_up(key.check, value)))
    return chosen


def station_options(texts: list[str], speed: float) -> StationOptions:
    """The options that are no OCPP keys. Raises `Misuse`."""
    import msgspec

    from forecourt.station.commissioning import StationOptions

    values = option_values()
    given: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip().lower().replace("-", "_")
        if not equals or name not in values:
            raise Misuse(f"--option takes NAME=VALUE with a name out of {', '.join(values)}; {text!r} came.")
        given[name] = value.strip().lower().replace("-", " ").replace("_", " ")
        if given[name] not in values[name]:
            raise Misuse(f"--option {name} takes {' or '.join(values[name])}; {value!r} came.")
    return msgspec.convert(given | {"speed": speed}, StationOptions, strict=False)


def option_values() -> dict[str, tuple[str, ...]]:
    """What each option takes, from the fields of `StationOptions`, where its meaning is written."""
    import msgspec

    from forecourt.station.commissioning import StationOptions

    values: dict[str, tuple[str, ...]] = {}
    for field in msgspec.structs.fields(StationOptions):
        kinds = [kind for kind in (field.type, *get_args(field.type)) if isinstance(kind, type)]
        if bool in kinds:
            values[field.name] = ("true", "false")
        elif int in kinds:
            values[field.name] = tuple(str(number) for number in range(COUNT_MAX + 1))
        for kind in kinds:
            if issubclass(kind, Enum):
                values[field.name] = tuple(str(member.value) for member in kind)
    return values


def clock_speed(speed: float) -> float:
    """The speed, if a clock can run at it. Raises `Misuse`."""
    from forecourt.runtime.clock import Clock

    return looked_up(Clock, speed).speed


def http_address(text: str) -> tuple[str, int]:
    """The address and port of `HOST:PORT` or `PORT`. Raises `Misuse`."""
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise Misuse(f"An address is PORT or HOST:PORT with a port from 0 to 65535, such as 8080; {text!r} came.")
    return host.strip("[]") or HOST, int(port)


def _authorization_key(settings: list[tuple[Key, str]]) -> str | None:
    """The AuthorizationKey among the settings: with it a new station is delivered."""
    from forecourt.ocpp.address import authorization_password

    for key, value in settings:
        if key.name == "AuthorizationKey":
            try:
                authorization_password(value)
            except ForecourtError:
                return None  # a literal one, which only the option allows; the station checks it
            return value
    return None
