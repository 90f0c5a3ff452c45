"""`forecourt station`: one station with its simulated cabinet and its control API, until Ctrl-C."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from forecourt.cli.errors import Misuse, looked_up
from forecourt.errors import ForecourtError
from forecourt.runtime.ports import CONTROL_PORT, HOST

if TYPE_CHECKING:
    from forecourt.evlink.keys import Key

NamedOptions: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="NAME=VALUE",
        help="Set what is no OCPP key, such as accept_amperes=true; may be repeated, a wrong name lists all.",
    ),
]
CarsFolder: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="A folder with cars of your own, *.toml; plug one in by its file's name."),
]
TrustFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Trust the authorities in this PEM file over wss and https, in place of the system's."
    ),
]
TokenFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Demand the token in this file of whoever uses the control API; without one it is for this machine only.",
    ),
]
HostNames: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--host-name", metavar="NAME", help="A name under which others reach this machine; may be repeated."),
]
SettingsFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--file",
        metavar="FILE",
        help="Take the tables commissioning, keys and options from this TOML file; the command line goes first.",
    ),
]


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
    token_file: TokenFile = None,
    host_names: HostNames = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set a configuration key as the installer; may be repeated."),
    ] = None,
    options: NamedOptions = None,
    cars: CarsFolder = None,
    trust: TrustFile = None,
    file: SettingsFile = None,
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
    from forecourt.cli.station_file import StationFile, options_of, read_station_file
    from forecourt.cli.station_process import Plan, Teller, run_station
    from forecourt.runtime.car_files import load_cars
    from forecourt.runtime.data_folder import Wishes, commission
    from forecourt.runtime.loop import run
    from forecourt.runtime.tls import read_authorities

    said = StationFile() if file is None else looked_up(read_station_file, file)
    chosen = [*said.settings, *key_settings(settings or [])]
    given = Wishes(identity, url, model, serial, firmware, _authorization_key(chosen)).given()
    wishes = Wishes(**(said.commissioning | given))
    looked_up(commission, wishes)
    address, port = http_address(http)
    token = demanded_token(address, token_file)
    plan = Plan(
        wishes=wishes,
        settings=chosen,
        options=options_of(said.options | named_options(options or []), clock_speed(speed)),
        data=data,
        http_address=address,
        http_port=port,
        recommission=recommission,
        authorities=None if trust is None else looked_up(read_authorities, trust),
        cars={} if cars is None else looked_up(load_cars, cars),
        token=token,
        host_names=tuple(host_names or ()),
    )
    run(run_station(plan, Teller(as_json)))


def key_settings(texts: list[str]) -> list[tuple[Key, str]]:
    """The keys and their checked values. Raises `Misuse`."""
    from forecourt.cli.station_file import checked_setting

    chosen = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise Misuse(f"--set takes KEY=VALUE, such as HeartbeatInterval=60; {text!r} came.")
        chosen.append(looked_up(lambda pair: checked_setting(*pair), (name, value)))
    return chosen


def named_options(texts: list[str]) -> dict[str, str]:
    """The options that are no OCPP keys, by name. Raises `Misuse`."""
    from forecourt.cli.station_file import OptionError, checked_option, option_values

    given: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            names = ", ".join(option_values())
            raise Misuse(f"--option takes NAME=VALUE with a name out of {names}; {text!r} came.")
        try:
            found, wanted = checked_option(name, value)
        except OptionError as error:
            raise Misuse(f"--option: {error}") from error
        given[found] = wanted
    return given


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


def demanded_token(address: str, file: Path | None) -> str | None:
    """The token of a file, if there is one. Raises `Misuse`, also where others can reach the address without one."""
    from forecourt.runtime.http_guard import is_loopback
    from forecourt.runtime.http_token import read_token

    if file is not None:
        return looked_up(read_token, file)
    if not is_loopback(address):
        raise Misuse(f"Others can reach {address}, so a token is demanded there: --token-file FILE names one.")
    return None


def _authorization_key(settings: list[tuple[Key, str]]) -> str | None:
    """The last AuthorizationKey among the settings: with it a new station is delivered."""
    from forecourt.ocpp.address import authorization_password

    for key, value in reversed(settings):
        if key.name == "AuthorizationKey":
            try:
                authorization_password(value)
            except ForecourtError:
                return None  # a literal one, which only the option allows; the station checks it
            return value
    return None
