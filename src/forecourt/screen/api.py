"""A station's control API: what people do at a station, what an installer sets, and what can be seen of it.

Every refusal is `{"error": "<sentence>"}`: 400 for what was not expected, 404 for what is not there, 409 for what
cannot be done in the present state. The description is OpenAPI as JSON at `/schema`; nothing is loaded from elsewhere.
"""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import unquote

import msgspec
from litestar import Litestar, Request, Response, delete, get, post, put
from litestar.config.compression import CompressionConfig
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import ServerSentEvent
from litestar.types import ASGIApp

from forecourt.cabinet.archetypes import CATALOGUE
from forecourt.cabinet.car import Car
from forecourt.errors import ForecourtError
from forecourt.evlink.faults import FAULTS
from forecourt.runtime.host import Host
from forecourt.runtime.hosted import HostedStation, NotNowError, NotThereError
from forecourt.runtime.http_api import MAX_BODY, SCHEMA_PATH, refuse_http, segments_kept_apart
from forecourt.runtime.http_guard import Guard, guarded, is_loopback
from forecourt.runtime.http_server import ApiServer
from forecourt.runtime.http_token import TokenGate
from forecourt.runtime.ports import CONTROL_PORT, HOST
from forecourt.screen.api_schema import BodiesPlugin
from forecourt.screen.bodies import (
    Badge,
    Fault,
    KeyBody,
    Network,
    Nothing,
    Plug,
    Power,
    RevocationLists,
    Show,
    Tariff,
    badge_of,
    car_of,
    read_body,
)
from forecourt.screen.event_stream import Followers
from forecourt.screen.login import log_in, log_out, login_page
from forecourt.screen.page_stream import PageStreams
from forecourt.screen.pages import PAGES, refused_page
from forecourt.screen.site import Site
from forecourt.screen.views import (
    CarView,
    FaultView,
    KeyView,
    MessageView,
    ScheduleView,
    StationView,
    car_view,
    fault_view,
    key_view,
    message_view,
    schedule_view,
    station_view,
)
from forecourt.station.workings import KnownTags

_Request = Request[Any, Any, Any]
_Limit = Annotated[int | None, QueryParameter(ge=1, le=10_000, description="At most so many, the latest.")]
_Format = Annotated[Literal["json", "jsonl"], QueryParameter(description="jsonl: an object a line.")]
_After = Annotated[int, QueryParameter(ge=0, description="Only those with a greater number.")]
_Duration = Annotated[int, QueryParameter(description="Seconds from now on.")]

JSON_LINES = "application/x-ndjson"
LATEST = 100
"""So many messages are told when nobody says how many."""


def _station(request: _Request, identity: str) -> HostedStation:
    host: Host = request.app.state.host
    wanted = unquote(identity)
    if (station := host.stations.get(wanted)) is None:
        there = ", ".join(host.stations) or "none"
        raise NotThereError(f"There is no station {wanted!r} here; there is {there}.")
    return station


def _unless_refused(station: HostedStation, refused: str | None) -> StationView:
    """The station after somebody did something at it, unless nothing came of that."""
    if refused is not None:
        raise NotNowError(refused)
    return station_view(station)


@get("/api/stations")
async def list_stations(request: _Request) -> list[StationView]:
    """Every station of this process."""
    return [station_view(station) for station in request.app.state.host.stations.values()]


@get("/api/stations/{identity:str}")
async def get_station(request: _Request, identity: FromPath[str]) -> StationView:
    """One station as it is at this moment."""
    return station_view(_station(request, identity))


@post("/api/stations/{identity:str}/connectors/{connector:int}/plug", status_code=200)
async def plug(request: _Request, identity: FromPath[str], connector: FromPath[int]) -> StationView:
    """Plug a car in; 409 when the gun is in one or does not fit."""
    station = _station(request, identity)
    body = await read_body(request, Plug)
    station.plug(connector, car_of(body, connector, station.cabinet.figures, request.app.state.cars))
    return station_view(station)


@post("/api/stations/{identity:str}/connectors/{connector:int}/unplug", status_code=200)
async def unplug(request: _Request, identity: FromPath[str], connector: FromPath[int]) -> StationView:
    """Take the gun out of its car; 409 when it is in none."""
    station = _station(request, identity)
    await read_body(request, Nothing)
    station.unplug(connector)
    return station_view(station)


@post("/api/stations/{identity:str}/connectors/{connector:int}/pause", status_code=200)
async def pause(request: _Request, identity: FromPath[str], connector: FromPath[int]) -> StationView:
    """Let the car stop asking for energy, as a full one does; 409 when there is none."""
    station = _station(request, identity)
    await read_body(request, Nothing)
    station.pause(connector)
    return station_view(station)


@post("/api/stations/{identity:str}/connectors/{connector:int}/resume", status_code=200)
async def resume(request: _Request, identity: FromPath[str], connector: FromPath[int]) -> StationView:
    """Let the car ask for energy again; 409 when there is none."""
    station = _station(request, identity)
    await read_body(request, Nothing)
    station.resume(connector)
    return station_view(station)


@post("/api/stations/{identity:str}/badge", status_code=200)
async def show_badge(request: _Request, identity: FromPath[str]) -> StationView:
    """Hold a badge to the reader; 409 when nothing comes of it, such as while the screen is locked."""
    station = _station(request, identity)
    return _unless_refused(station, station.show_badge(badge_of(await read_body(request, Badge))))


@post("/api/stations/{identity:str}/show", status_code=200)
async def show_connector(request: _Request, identity: FromPath[str]) -> StationView:
    """Touch the screen to see a connector; 409 while it has no cable plugged."""
    station = _station(request, identity)
    return _unless_refused(station, station.show((await read_body(request, Show)).connector))


@post("/api/stations/{identity:str}/tariff", status_code=200)
async def show_tariff(request: _Request, identity: FromPath[str]) -> StationView:
    """Touch the Tariff button, or leave its page; 409 where the screen has no button."""
    station = _station(request, identity)
    return _unless_refused(station, station.show_tariff((await read_body(request, Tariff)).shown))


@post("/api/stations/{identity:str}/faults", status_code=200)
async def raise_fault(request: _Request, identity: FromPath[str]) -> StationView:
    """Let a vendor error appear; 409 when it is there."""
    station = _station(request, identity)
    body = await read_body(request, Fault)
    station.raise_fault(body.dtc, body.connector if isinstance(body.connector, int) else None)
    return station_view(station)


@delete("/api/stations/{identity:str}/faults/{dtc:str}", status_code=200)
async def clear_fault(
    request: _Request, identity: FromPath[str], dtc: FromPath[str], connector: FromQuery[int | None] = None
) -> StationView:
    """Let a vendor error go away, on one connector or wherever it is; 404 when it is not there."""
    station = _station(request, identity)
    try:
        station.clear_fault(dtc, connector)
    except ForecourtError as error:
        raise NotThereError(str(error)) from error
    return station_view(station)


@post("/api/stations/{identity:str}/power", status_code=200)
async def switch_power(request: _Request, identity: FromPath[str]) -> StationView:
    """Switch the mains."""
    station = _station(request, identity)
    station.power((await read_body(request, Power)).on)
    return station_view(station)


@post("/api/stations/{identity:str}/network", status_code=200)
async def switch_network(request: _Request, identity: FromPath[str]) -> StationView:
    """Switch the network."""
    station = _station(request, identity)
    station.network((await read_body(request, Network)).up)
    return station_view(station)


@delete("/api/stations/{identity:str}/security-log", status_code=200)
async def clear_security_log(request: _Request, identity: FromPath[str]) -> StationView:
    """Empty the security log with the installer's access, which is a security event itself."""
    station = _station(request, identity)
    station.clear_security_log()
    return station_view(station)


@put("/api/stations/{identity:str}/revocation-lists", status_code=200)
async def set_revocation_lists(request: _Request, identity: FromPath[str]) -> StationView:
    """Give the station revocation lists with the installer's access, in place of those it had."""
    station = _station(request, identity)
    station.set_revocation_lists((await read_body(request, RevocationLists)).lists)
    return station_view(station)


@post("/api/stations/{identity:str}/reboot", status_code=200)
async def reboot(request: _Request, identity: FromPath[str]) -> StationView:
    """Ask the station to reboot; sessions end with the reason Reboot. 409 while firmware is installed."""
    station = _station(request, identity)
    await read_body(request, Nothing)
    return _unless_refused(station, station.reboot())


@get("/api/stations/{identity:str}/keys")
async def list_keys(request: _Request, identity: FromPath[str]) -> list[KeyView]:
    """Every configuration key of the firmware, hidden ones included."""
    return [key_view(key) for key in _station(request, identity).list_keys()]


@get("/api/stations/{identity:str}/keys/{key:str}")
async def get_key(request: _Request, identity: FromPath[str], key: FromPath[str]) -> KeyView:
    """One configuration key; 404 with near misses."""
    return key_view(_station(request, identity).key(unquote(key)))


@put("/api/stations/{identity:str}/keys/{key:str}")
async def set_key(request: _Request, identity: FromPath[str], key: FromPath[str]) -> KeyView:
    """Set a configuration key with the installer's access, read-only or not."""
    station = _station(request, identity)
    name = unquote(key)
    station.key(name)
    station.set_key(name, (await read_body(request, KeyBody)).value)
    return key_view(station.key(name))


@get("/api/stations/{identity:str}/id-tags")
async def list_id_tags(request: _Request, identity: FromPath[str]) -> KnownTags:
    """The entries of the local list and of the authorization cache; 409 while nobody can read them."""
    return _station(request, identity).known_tags()


@get("/api/stations/{identity:str}/messages")
async def list_messages(
    request: _Request,
    identity: FromPath[str],
    limit: _Limit = None,
    after: _After = 0,
    format: _Format = "json",  # noqa: A002
) -> Response[list[MessageView]]:
    """The latest messages as they went over the wire, oldest first: 100 unless `limit` says otherwise.

    With `format=jsonl` or `Accept: application/x-ndjson` they come as JSON lines, then all that are kept.
    """
    wire = _station(request, identity).seat.wire
    messages = [] if wire is None else [message for message in wire.messages() if message.number > after]
    as_lines = format == "jsonl" or JSON_LINES in request.headers.get("accept", "")
    most = limit or (len(messages) if as_lines else LATEST)
    views = [message_view(message) for message in messages[-most:]]
    return _json_lines(views) if as_lines else Response(views)


def _json_lines(records: list[Any]) -> Response[Any]:
    """A file to download."""
    headers = {"Content-Disposition": 'attachment; filename="messages.jsonl"'}
    return Response(msgspec.json.Encoder().encode_lines(records), media_type=JSON_LINES, headers=headers)


@get("/api/stations/{identity:str}/connectors/{connector:int}/schedule")
async def get_schedule(
    request: _Request, identity: FromPath[str], connector: FromPath[int], duration: _Duration = 3600
) -> ScheduleView:
    """What a gun, or with 0 the station, will give at most, as it would answer GetCompositeSchedule in W."""
    return schedule_view(_station(request, identity), connector, duration)


@get("/api/cars")
async def list_cars(request: _Request) -> list[CarView]:
    """The cars that can be plugged in by their names: the archetypes, then the user's own."""
    shipped = [car_view(name, file.title, file.car) for name, file in CATALOGUE.items()]
    return shipped + [car_view(name, None, car) for name, car in request.app.state.cars.items()]


@get("/api/faults")
async def list_faults() -> list[FaultView]:
    """The vendor errors of the guide, in its order."""
    return [fault_view(fault) for fault in FAULTS]


@get("/api/stations/{identity:str}/events")
async def follow_events(request: _Request, identity: FromPath[str]) -> ServerSentEvent:
    """What happens from now on, as server-sent events: first the station, then events and effects, and samples."""
    followers: Followers = request.app.state.followers
    return ServerSentEvent(followers.follow(_station(request, identity)))


BODIES: dict[HTTPRouteHandler, type[msgspec.Struct]] = {
    plug: Plug,
    unplug: Nothing,
    pause: Nothing,
    resume: Nothing,
    show_badge: Badge,
    show_connector: Show,
    show_tariff: Tariff,
    raise_fault: Fault,
    switch_power: Power,
    switch_network: Network,
    set_revocation_lists: RevocationLists,
    reboot: Nothing,
    set_key: KeyBody,
}
"""The bodies that handlers read themselves, for their own words about what is wrong."""

UNPACKED = ("^/api/", "/stream$")
"""What is not compressed: streams, which must not wait, and what programs of this machine ask for all the time."""

STATUSES: dict[type[Exception], int] = {NotNowError: 409, NotThereError: 404, ForecourtError: 400}


def refuse(request: _Request, error: Exception) -> Response[Any]:
    """Our own refusals, as JSON or as a page."""
    status = next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
    return _refusal(request, Response({"error": str(error)}, status_code=status))


def _refuse_http(request: _Request, error: HTTPException) -> Response[Any]:
    return _refusal(request, refuse_http(request, error))


def _refusal(request: _Request, as_json: Response[dict[str, str]]) -> Response[Any]:
    """For who looks at pages, a refusal is a page; the control API speaks JSON to everybody."""
    if request.url.path.startswith("/api/") or "text/html" not in request.headers.get("accept", ""):
        return as_json
    status = as_json.status_code or 500
    title = "Not there" if status == 404 else "Not so"
    return refused_page(title, as_json.content["error"], status)


def create_app(
    host: Host,
    followers: Followers,
    cars: Mapping[str, Car],
    streams: PageStreams,
    guard: Guard,
    site: Site | None = None,
) -> ASGIApp:
    """The application for the stations of a host on the same loop, with the user's own cars by their names.

    `site` tells the pages of the other side, where somebody knows that.
    """
    kept = {"host": host, "followers": followers, "cars": cars, "streams": streams, "site": site, "gate": guard.gate}
    handlers = [
        list_stations,
        get_station,
        clear_fault,
        clear_security_log,
        list_keys,
        get_key,
        list_id_tags,
        list_messages,
        get_schedule,
        list_cars,
        list_faults,
        follow_events,
        *BODIES,
        *PAGES,
        login_page,
        log_in,
        log_out,
    ]
    app = Litestar(
        route_handlers=handlers,
        state=State(kept),
        exception_handlers={ForecourtError: refuse, HTTPException: _refuse_http},
        openapi_config=OpenAPIConfig(
            title="Forecourt station", version="1", path=SCHEMA_PATH, render_plugins=[BodiesPlugin(BODIES)]
        ),
        request_max_body_size=MAX_BODY,
        compression_config=CompressionConfig("gzip", gzip_compress_level=6, exclude=list(UNPACKED)),
        logging_config=None,
    )
    return segments_kept_apart(guarded(app, guard))


class ControlApi:
    """The control API and the pages on a port of their own.

    `cars` can be plugged in by their names, beside the archetypes; `site` tells of the other side. Whoever asks must
    show the `token`, if there is one. `names` are those under which the machine is reached, beside its addresses.
    Raises `ForecourtError` for an address that others can reach without a token.
    """

    def __init__(
        self,
        host: Host,
        address: str = HOST,
        port: int = CONTROL_PORT,
        cars: Mapping[str, Car] | None = None,
        site: Site | None = None,
        token: str | None = None,
        names: Collection[str] = (),
    ) -> None:
        if token is None and not is_loopback(address):
            raise ForecourtError(f"Others can reach {address}, so a token is demanded there: give one by --token-file.")
        self._followers = Followers()
        self._streams = PageStreams()
        guard = Guard(address, names, None if token is None else TokenGate(token))
        app = create_app(host, self._followers, cars or {}, self._streams, guard, site)
        self._server = ApiServer(app, address, port)
        self.address = address

    @property
    def port(self) -> int:
        """The port; the one found when 0 was asked for, once started."""
        return self._server.port

    async def start(self) -> None:
        """Listen. Raises `ForecourtError` with a sentence when the port cannot be had."""
        await self._server.start()

    async def stop(self) -> None:
        """End the streams and the server, in a few seconds at most."""
        self._followers.close()
        self._streams.close()
        await self._server.stop()
