"""The pages in the browser: the list of stations, a station with its screen, the patterns, and what these load.

They are read-only: whatever is done on a page is done through the control API.
"""

import hashlib
from collections.abc import Callable, Collection
from typing import Any
from urllib.parse import unquote, urlencode

import msgspec
from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Stream
from markupsafe import Markup

from forecourt.runtime.host import Host
from forecourt.runtime.hosted import HostedStation, NotThereError
from forecourt.screen.event_stream import sample
from forecourt.screen.fragments import (
    SCREEN_ALONE,
    STATIC,
    asset_hash,
    assets_hash,
    fragments_of,
    page_path,
    render,
    render_fragment,
    station_context,
)
from forecourt.screen.page_stream import PageStreams, Rendered
from forecourt.screen.patterns import families
from forecourt.screen.site import Site, SiteView
from forecourt.screen.texts import choose_language, texts_in
from forecourt.screen.views import StationView, station_view

_Request = Request[Any, Any, Any]

HTML = "text/html"
EVENTS = "text/event-stream"
KINDS = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".txt": "text/plain",
}
"""What may be under `/static/`, by the ends of the names."""
FOR_GOOD = "public, max-age=31536000, immutable"
ROWS_A_PAGE = 100


class StationSource:
    """The fragments of one station; of the screen alone no others, and nothing of the workbench or the site."""

    def __init__(self, host: Host, station: HostedStation, site: Site | None, *, alone: bool) -> None:
        self._host, self._station, self._alone = host, station, alone
        self._site = None if alone else site

    async def render(self, languages: Collection[str]) -> Rendered | None:
        """Every fragment in these languages, and what the workbench's scripts are told as JSON; None when the process
        has the station no more."""
        if self._host.stations.get(self._station.identity) is not self._station:
            return None
        site = None if self._site is None else await self._site.view()
        view = station_view(self._station)
        rendered: Rendered = {}
        for row in fragments_of(SCREEN_ALONE if self._alone else None, site):
            if row.per_language:
                for language in languages:
                    rendered[row.name, language] = render_fragment(row, view, language, site)
            else:
                rendered[row.name, None] = render_fragment(row, view, "en", site)
        if self._alone:
            return rendered
        rendered["news", None] = msgspec.json.encode(news(self._station, view)).decode()
        rendered["sample", None] = msgspec.json.encode(sample(view)).decode()
        return rendered

    def listen(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Hear every event and effect of the station."""
        return self._station.seat.listen(lambda _what, _now: changed())


class News(msgspec.Struct, frozen=True):
    """What the workbench has read of the control API is old when one of these differs; null where there is none."""

    messages: int
    """The number of the latest message in the wire log."""
    keys: str | None
    """A name of what the configuration keys are."""
    profiles: str | None
    """A name of the installed charging profiles, and of what they apply to."""


def news(station: HostedStation, view: StationView) -> News:
    """What a page compares with what it had."""
    wire = station.seat.wire
    profiles = view.chargingProfiles
    guns = [(row.transaction, row.limit_w) for row in view.connectors]
    return News(
        messages=0 if wire is None else wire.latest,
        keys=None if view.keysChanged is None else _name_of((view.firmware, view.keysChanged)),
        profiles=None if profiles is None else _name_of((profiles, guns)),
    )


def _name_of(content: object) -> str:
    return hashlib.blake2b(msgspec.json.encode(content), digest_size=8).hexdigest()


class Row(msgspec.Struct, frozen=True):
    """A station in the list."""

    number: int
    html: Markup


class Listing(msgspec.Struct, frozen=True):
    """A page of the list of stations."""

    find: str
    page: int
    pages: int
    found: int
    total: int
    rows: tuple[Row, ...]

    @property
    def previous(self) -> str:
        """The query of the page before."""
        return urlencode({"find": self.find, "page": self.page - 1})

    @property
    def next(self) -> str:
        """The query of the page after."""
        return urlencode({"find": self.find, "page": self.page + 1})


def listing_of(host: Host, find: str, page: int) -> Listing:
    """The stations whose identity contains `find` in whatever case, in their order; a page beyond is the last."""
    stations = list(host.stations.values())
    found = [station for station in stations if find.casefold() in station.identity.casefold()]
    pages = max(1, -(-len(found) // ROWS_A_PAGE))
    page = min(max(1, page), pages)
    first = (page - 1) * ROWS_A_PAGE
    rows = tuple(
        # What the template of a row made is escaped already.
        Row(number, Markup(row_html(station)))  # nosec B704
        for number, station in enumerate(found[first : first + ROWS_A_PAGE], first)
    )
    return Listing(find, page, pages, len(found), len(stations), rows)


def row_html(station: HostedStation) -> str:
    """What the list says of a station."""
    return render("stations_row.html", station_context(station_view(station), texts_in("en"), None))


class ListSource:
    """The rows of one page of the list."""

    def __init__(self, host: Host, find: str, page: int) -> None:
        self._host, self._find, self._page = host, find, page

    async def render(self, languages: Collection[str]) -> Rendered | None:
        """Every row, by the name of its element; only those are told that have changed."""
        del languages
        return {(f"row-{row.number}", None): row.html for row in listing_of(self._host, self._find, self._page).rows}

    def listen(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Rows are looked at once a second: a thousand stations have something to say at any time."""
        del changed
        return lambda: None


def _page(template: str, context: dict[str, Any], status: int = 200, *, has_logout: bool = False) -> Response[str]:
    around = {"assets": assets_hash(), "has_logout": has_logout}
    return Response(render(template, context | around), media_type=HTML, status_code=status)


def _has_logout(request: _Request) -> bool:
    """Whether there is a session to end: where a token is asked for."""
    return request.app.state.gate is not None


def _language(request: _Request) -> str:
    return choose_language(request.query_params.get("lang"), request.headers.get("accept-language"))


def _station(request: _Request, identity: str) -> HostedStation:
    host: Host = request.app.state.host
    wanted = unquote(identity)
    if (station := host.stations.get(wanted)) is None:
        raise NotThereError(f"There is no station {wanted!r} here.")
    return station


async def _site_view(request: _Request) -> SiteView | None:
    site: Site | None = request.app.state.site
    return None if site is None else await site.view()


@get("/", include_in_schema=False)
async def stations_page(request: _Request, find: FromQuery[str] = "", page: FromQuery[int] = 1) -> Response[Any]:
    """The list of stations; where there is exactly one, its page."""
    host: Host = request.app.state.host
    if len(host.stations) == 1 and not find:
        (station,) = host.stations.values()
        return Redirect(page_path(station.identity), status_code=302)
    listing = listing_of(host, find, page)
    query = urlencode({"find": listing.find, "page": listing.page})
    context = {"listing": listing, "query": query, "texts": texts_in("en")}
    return _page("stations.html", context, has_logout=_has_logout(request))


@get("/stream", include_in_schema=False)
async def stations_stream(request: _Request, find: FromQuery[str] = "", page: FromQuery[int] = 1) -> Stream:
    """The rows of a page of the list, as they change."""
    streams: PageStreams = request.app.state.streams
    source = ListSource(request.app.state.host, find, page)
    return Stream(streams.watch(("list", find, page), source, "en"), media_type=EVENTS)


@get("/stations/{identity:str}", include_in_schema=False)
async def station_page(request: _Request, identity: FromPath[str]) -> Response[str]:
    """One station: its screen, the drawing of it, the workbench, and the other side where there is one."""
    return await _station_page(request, _station(request, identity), alone=False)


@get("/stations/{identity:str}/screen", include_in_schema=False)
async def screen_page(request: _Request, identity: FromPath[str]) -> Response[str]:
    """The product's screen alone."""
    return await _station_page(request, _station(request, identity), alone=True)


async def _station_page(request: _Request, station: HostedStation, *, alone: bool) -> Response[str]:
    site = None if alone else await _site_view(request)
    context = station_context(station_view(station), texts_in(_language(request)), site)
    around = {"alone": alone, "has_others": len(request.app.state.host.stations) > 1}
    return _page("station.html", context | around, has_logout=_has_logout(request))


@get("/stations/{identity:str}/stream", include_in_schema=False)
async def station_stream(request: _Request, identity: FromPath[str], only: FromQuery[str] = "") -> Stream:
    """The fragments of a station as they change; `only=screen` for those of the screen alone."""
    station = _station(request, identity)
    streams: PageStreams = request.app.state.streams
    alone = only == "screen"
    source = StationSource(request.app.state.host, station, request.app.state.site, alone=alone)
    return Stream(streams.watch((station, alone), source, _language(request)), media_type=EVENTS)


@get("/stations/{identity:str}/tariff.png", include_in_schema=False)
async def tariff_picture(request: _Request, identity: FromPath[str]) -> Response[bytes]:
    """The picture of the tariff that the station keeps."""
    data = _station(request, identity).tariff_picture()
    if data is None:
        raise NotThereError("The station has no picture of a tariff.")
    return Response(data, media_type="image/png")


@get("/static/{name:str}", include_in_schema=False)
async def static_file(request: _Request, name: FromPath[str]) -> Response[bytes]:
    """A file that pages load, to be kept for good when it was asked for by its content."""
    path = STATIC / name
    kind = KINDS.get(path.suffix)
    if kind is None or path.name not in {file.name for file in STATIC.iterdir()}:
        raise NotFoundException
    tag = f'"{asset_hash(path.name)}"'
    is_named = request.query_params.get("v") == asset_hash(path.name)
    headers = {"ETag": tag, "Cache-Control": FOR_GOOD if is_named else "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(b"", status_code=304, headers=headers, media_type=kind)
    return Response(path.read_bytes(), media_type=kind, headers=headers)


@get("/patterns", include_in_schema=False)
async def patterns_page(request: _Request) -> Response[str]:
    """Every state of every part of the screen, without a station."""
    context = {"texts": texts_in(_language(request)), "families": families()}
    return _page("patterns.html", context, has_logout=_has_logout(request))


PAGES = (
    stations_page,
    stations_stream,
    station_page,
    screen_page,
    station_stream,
    tariff_picture,
    static_file,
    patterns_page,
)
"""The routes."""


def login_page_of(after: str, sentence: str, status: int) -> Response[str]:
    """The form for the token; `after` is where the browser goes then, `sentence` why it is there again."""
    return _page("login.html", {"next": after, "sentence": sentence, "texts": texts_in("en")}, status)


def refused_page(title: str, sentence: str, status: int) -> Response[str]:
    """A page that says why there is nothing else on it."""
    context = {"title": title, "sentence": sentence, "texts": texts_in("en")}
    return _page("refused.html", context, status)
