"""The parts of the pages: the templates, what they are given, and the table of those that are pushed while they change.

A page is rendered from records alone: `StationView` of the station, `Texts` of the language, `SiteView` of the other
side. A template that names what is not there fails (StrictUndefined), and what comes from the wire is text, never HTML
(autoescape is on for every template).
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from forecourt.screen.looks import look, option_icon
from forecourt.screen.qr import qr_code
from forecourt.screen.texts import FILTERS, LANGUAGES, texts_in

if TYPE_CHECKING:
    from collections.abc import Iterable

    from forecourt.screen.site import SiteView
    from forecourt.screen.texts import Texts
    from forecourt.screen.views import StationView

HERE = Path(__file__).parent
STATIC = HERE / "static"
"""Everything that pages load; no other host is asked for anything."""


class Fragment(msgspec.Struct, frozen=True):
    """A part of a page that is pushed when it has changed."""

    name: str
    """The id of the element whose children it is, and the name of the event that brings it."""
    template: str
    per_language: bool
    of_site: bool = False
    """It tells of the other side, and is there only where somebody tells of that."""


FRAGMENTS = (
    Fragment("screen", "screen/screen.html", per_language=True),
    Fragment("schematic", "schematic/schematic.html", per_language=True),
    Fragment("bench", "bench/live.html", per_language=False),
    Fragment("site", "site.html", per_language=False, of_site=True),
)
"""In the order in which they are pushed."""

SCREEN_ALONE = ("screen",)
"""The fragments of the page that shows the product's screen and nothing else."""


@cache
def environment() -> Environment:
    """The templates with the filters and functions that they use."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(FILTERS, look=look, option_icon=option_icon, qr_code=qr_code)
    made.globals.update(has_logout=False, asset=asset_url, languages=tuple(LANGUAGES), language_names=LANGUAGES)
    return made


@cache
def asset_hash(name: str) -> str:
    """A name of the file's content. Raises `FileNotFoundError`, for a template that asks for what is not there."""
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:16]


def asset_url(name: str) -> str:
    """Where a file of `static/` is, named after its content, so that browsers may keep it for good."""
    return f"/static/{name}?v={asset_hash(name)}"


@cache
def assets_hash() -> str:
    """Changes when any file that pages load changes: a page older than this is to be loaded anew."""
    names = sorted(path.name for path in STATIC.iterdir() if path.is_file())
    return hashlib.sha256("".join(map(asset_hash, names)).encode()).hexdigest()[:16]


def page_path(identity: str) -> str:
    """Where the pages of a station are."""
    return f"/stations/{quote(identity, safe='')}"


def station_context(station: StationView, texts: Texts, site: SiteView | None) -> dict[str, Any]:
    """What every template of a station is given.

    `now` is the station's own clock, `path` where its pages are, `api` where its control API is; both begin with a
    slash and have none at the end.
    """
    path = page_path(station.identity)
    return {
        "station": station,
        "texts": texts,
        "now": station.clock,
        "site": site,
        "path": path,
        "api": f"/api{path}",
    }


def render(template: str, context: dict[str, Any]) -> str:
    """A template with its context."""
    return environment().get_template(template).render(context)


def fragments_of(names: Iterable[str] | None, site: SiteView | None) -> tuple[Fragment, ...]:
    """The rows of the table with these names, all for None; that of the site only where there is one."""
    wanted = None if names is None else frozenset(names)
    rows = FRAGMENTS if wanted is None else tuple(row for row in FRAGMENTS if row.name in wanted)
    return rows if site is not None else tuple(row for row in rows if not row.of_site)


def render_fragment(row: Fragment, station: StationView, language: str, site: SiteView | None = None) -> str:
    """One fragment in a language, as it stands in the page and is pushed afterwards."""
    return render(row.template, station_context(station, texts_in(language), site))
