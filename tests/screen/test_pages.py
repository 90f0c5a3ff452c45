"""The pages over real HTTP: every route, what it is given for, and that what comes from a wire is text."""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec
import pytest

from forecourt.errors import ForecourtError
from forecourt.evlink.picture import Picture
from forecourt.runtime.http_token import COOKIE
from forecourt.screen.api import ControlApi
from forecourt.screen.fragments import STATIC, asset_hash, environment
from forecourt.screen.pages import KINDS, ROWS_A_PAGE
from forecourt.screen.texts import LANGUAGES, texts_in
from forecourt.station.events import FrameReceived
from tests.page_rig import PageRig, play

if TYPE_CHECKING:
    from forecourt.runtime.host import Host

TOKEN = "0123456789abcdefABCDEF"
MARKUP = '<script>alert("1")</script>'
OWN_HTML = {"accept": "text/html"}


class Elements(HTMLParser):
    """Every element of a page with its attributes, and every address that the page has."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of each element of a kind."""
        return [attributes for name, attributes in self.found if name == tag]

    def addresses(self) -> set[str]:
        """Where the page links to or loads from."""
        names = ("href", "src", "action", "hx-sse:connect", "hx-post", "hx-put", "hx-delete", "hx-get")
        return {value for _, attributes in self.found for name in names if (value := attributes.get(name)) is not None}


def test_with_one_station_the_first_page_is_that_stations_page() -> None:
    async def scenario(rig: PageRig) -> None:
        answer = await rig.client.get("/")
        assert (answer.status_code, answer.headers["location"]) == (302, "/stations/GARAGE%201%2FA")
        html = await rig.html(answer.headers["location"])
        assert "GARAGE 1/A" in html
        (home,) = [row for row in Elements(html).of("div") if "hx-sse:connect" in row]
        assert home["data-api"] == "/api/stations/GARAGE%201%2FA"
        async with rig.stream(str(home["hx-sse:connect"])) as events:
            assert (await anext(events))[0] == "hello"

    play(scenario, "GARAGE 1/A")


def test_the_page_of_a_station_has_a_home_for_every_fragment_and_the_screen_alone_only_its_own() -> None:
    async def scenario(rig: PageRig) -> None:
        html = await rig.html("/stations/A1")
        live = {row["id"] for _, row in Elements(html).found if "data-live" in row}
        assert live == {"screen", "schematic", "bench"}
        alone = await rig.html("/stations/A1/screen")
        assert {row["id"] for _, row in Elements(alone).found if "data-live" in row} == {"screen"}
        assert len(alone) < len(html) / 2

    play(scenario)


@pytest.mark.parametrize("path", ["/stations/A1", "/stations/A1/screen", "/patterns", "/stations/none", "/?find=A"])
def test_a_page_loads_from_nowhere_else_and_has_no_script_or_style_within(path: str) -> None:
    async def scenario(rig: PageRig) -> None:
        html = (await rig.client.get(path, headers=OWN_HTML)).text
        elements = Elements(html)
        for address in elements.addresses():
            assert re.match(r"/(?!/)|\?lang=|#|data:,", address), address
        assert all(row.get("src") for row in elements.of("script"))
        assert not elements.of("style")
        for tag, attributes in elements.found:
            assert "style" not in attributes, tag
            assert not [name for name in attributes if name.startswith("on")], tag
        ids = [row["id"] for _, row in elements.found if "id" in row]
        assert sorted({one for one in ids if ids.count(one) > 1}, key=str) == []
        for address in elements.addresses():
            if address.startswith("/static/"):
                answer = await rig.client.get(address)
                assert (answer.status_code, "immutable" in answer.headers["cache-control"]) == (200, True), address

    play(scenario, "A1", "A2")


@pytest.mark.parametrize(
    ("query", "accepted", "language"),
    [
        ("", "", "en"),
        ("?lang=de", "fr", "de"),
        ("?lang=xx", "fr-CH, de;q=0.5", "fr"),
        ("", "nl, de;q=0.4, fr;q=0.6", "fr"),
        ("", "nl", "en"),
    ],
)
def test_a_page_speaks_the_language_of_its_address_or_of_the_browser(query: str, accepted: str, language: str) -> None:
    async def scenario(rig: PageRig) -> None:
        html = await rig.html(f"/stations/A1/screen{query}", 200, **{"accept-language": accepted})
        elements = Elements(html)
        assert elements.of("html") == [{"lang": language}]
        (home,) = [row for row in elements.of("div") if "hx-sse:connect" in row]
        assert f"lang={language}" in str(home["hx-sse:connect"])

    play(scenario)


def test_what_is_not_there_is_a_page_for_browsers_and_json_for_programs() -> None:
    async def scenario(rig: PageRig) -> None:
        for path in ("/stations/none", "/stations/none/screen", "/stations/none/stream", "/nowhere"):
            html = await rig.html(path, 404)
            assert "here" in html or "nothing at" in html
            answer = await rig.client.get(path)
            assert (answer.status_code, answer.json()["error"][-1]) == (404, ".")
        answer = await rig.client.get("/api/stations/none", headers=OWN_HTML)
        assert (answer.status_code, "none" in answer.json()["error"]) == (404, True)
        assert "&lt;script&gt;" in await rig.html("/stations/%3Cscript%3E", 404)

    play(scenario)


def test_the_picture_of_the_tariff_is_served_once_there_is_one() -> None:
    async def scenario(rig: PageRig) -> None:
        assert (await rig.client.get("/stations/A1/tariff.png")).status_code == 404
        brain = rig.station.brain()
        assert brain is not None
        brain._tariff.picture = Picture(47, 26, b"picture")
        answer = await rig.client.get("/stations/A1/tariff.png")
        assert (answer.content, answer.headers["content-type"]) == (b"picture", "image/png")
        await rig.act("/power", {"on": False})
        assert (await rig.client.get("/stations/A1/tariff.png")).status_code == 404

    play(scenario)


def test_every_file_is_served_as_what_it_is_and_kept_by_its_content() -> None:
    async def scenario(rig: PageRig) -> None:
        names = [path.name for path in STATIC.iterdir()]
        assert {"htmx.min.js", "uPlot.iife.min.js", "live.js", "act.js"} <= set(names)
        for name in names:
            answer = await rig.client.get(f"/static/{name}")
            assert (answer.status_code, answer.content) == (200, (STATIC / name).read_bytes())
            assert answer.headers["content-type"].partition(";")[0] == KINDS[f".{name.rpartition('.')[2]}"]
            assert answer.headers["cache-control"] == "no-cache"
            kept = await rig.client.get(f"/static/{name}?v={asset_hash(name)}")
            assert "immutable" in kept.headers["cache-control"]
            same = await rig.client.get(f"/static/{name}", headers={"if-none-match": answer.headers["etag"]})
            assert (same.status_code, same.content) == (304, b"")
            old = await rig.client.get(f"/static/{name}?v=0")
            assert old.headers["cache-control"] == "no-cache"

    play(scenario)


def test_pages_and_what_they_load_come_compressed_and_streams_do_not() -> None:
    async def scenario(rig: PageRig) -> None:
        packs = {"accept-encoding": "gzip"}
        for path, least in (("/static/htmx.min.js", 2), ("/static/uPlot.iife.min.js", 2), ("/stations/A1", 3)):
            async with rig.client.stream("GET", path, headers=packs) as answer:
                packed = b"".join([part async for part in answer.aiter_raw()])
                assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "Accept-Encoding")
            plain = await rig.client.get(path, headers={"accept-encoding": "identity"})
            assert "content-encoding" not in plain.headers
            assert len(packed) * least < len(plain.content), path
        async with rig.client.stream("GET", "/stations/A1/stream", headers=packs) as answer:
            assert "content-encoding" not in answer.headers
            assert (await anext(answer.aiter_raw())).startswith(b"event: hello")
        async with rig.client.stream("GET", "/api/stations/A1/events", headers=packs) as answer:
            assert "content-encoding" not in answer.headers

    play(scenario)


@pytest.mark.parametrize(
    "name", ["..%2Fpages.py", "%2e%2e/pages.py", "../pages.py", "nothing.js", "htmx.min.js%00", ""]
)
def test_no_other_file_is_served(name: str) -> None:
    async def scenario(rig: PageRig) -> None:
        answer = await rig.client.get(f"/static/{name}")
        assert answer.status_code in (400, 404)
        assert "litestar" not in answer.text

    play(scenario)


def test_the_list_is_found_by_a_part_of_the_identity_and_read_in_pages() -> None:
    async def scenario(rig: PageRig) -> None:
        first = await rig.html("/")
        assert f"{ROWS_A_PAGE + 20} of {ROWS_A_PAGE + 20} stations, page 1 of 2" in first
        assert len(Elements(first).of("li")) == ROWS_A_PAGE
        last = await rig.html("/?page=9")
        assert len(Elements(last).of("li")) == 20
        found = await rig.html("/?find=gArAgE-11")
        assert len(Elements(found).of("li")) == 11
        one = await rig.html("/?find=GARAGE-119")
        (link,) = [row["href"] for row in Elements(one).of("a") if row.get("class") == "stations-identity"]
        assert link == "/stations/GARAGE-119"
        assert len(Elements(await rig.html('/?find="><script>')).of("script")) == len(Elements(first).of("script"))
        assert (await rig.client.get("/?page=two")).status_code == 400

    play(scenario, *(f"GARAGE-{number}" for number in range(ROWS_A_PAGE + 20)), powered=False)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_banner_of_a_page_that_is_cut_off_speaks_the_language_of_the_screen(language: str) -> None:
    async def scenario(rig: PageRig) -> None:
        page = await rig.html(f"/stations/A1/screen?lang={language}")
        assert f'role="alert" hidden>{escape(texts_in(language)("display.cut_off"))}</div>' in page

    play(scenario)


def test_a_page_leads_to_the_other_stations_where_there_are_some() -> None:
    async def scenario(rig: PageRig) -> None:
        assert {"href": "/"} in Elements(await rig.html("/stations/A1")).of("a")
        del rig.host.stations["A2"]
        assert {"href": "/"} not in Elements(await rig.html("/stations/A1")).of("a")

    play(scenario, "A1", "A2", powered=False)


def test_without_a_station_the_list_says_so() -> None:
    async def scenario(rig: PageRig) -> None:
        rig.host.stations.clear()
        assert "0 of 0 stations" in await rig.html("/")

    play(scenario)


def test_what_comes_from_the_wire_is_text_on_the_page_and_in_the_stream() -> None:
    async def scenario(rig: PageRig) -> None:
        brain = rig.station.brain()
        assert brain is not None
        tag = '<b>"x"</b>&\'<i>'
        reserve = {"reservationId": 1, "connectorId": 1, "idTag": tag, "expiryDate": "2190-01-01T00:00:00Z"}
        start = {"connectorId": 2, "idTag": tag}
        for action, payload in (("ReserveNow", reserve), ("RemoteStartTransaction", start)):
            brain.handle(FrameReceived(msgspec.json.encode([2, action, action, payload])), rig.station.seat.at)
        rig.station.set_key("ConnectionTimeOut", "600")
        rig.station.set_key("QRcode1", MARKUP)
        await rig.act("/connectors/1/plug")
        html = await rig.html(f"/stations/{quote(rig.station.identity)}")
        plain = Elements(await rig.html("/patterns"))
        pushed = ""
        async with rig.stream(f"/stations/{quote(rig.station.identity)}/stream") as events:
            async for name, data in events:
                pushed += data
                if name == "bench":
                    break
        for page in (html, pushed):
            assert "<b>" not in page.replace("<b>station", "")
            assert "alert(" not in "".join(re.findall(r"<script.*?</script>", page, re.DOTALL))
            assert MARKUP not in page
            assert not Elements(page).of("i")
        assert not plain.of("i")

    play(scenario, "<i>A1\"'&", "A2")


def test_the_templates_escape_whatever_they_are_given() -> None:
    made = environment()
    assert made.autoescape is True
    assert made.from_string("{{ one }}").render(one=MARKUP).startswith("&lt;script&gt;")
    assert made.list_templates()
    for name in made.list_templates():
        source = (STATIC.parent / "templates" / name).read_text(encoding="utf-8")
        assert not re.search(r"autoescape\s+false|<script>|javascript:", source), name
        for expression in re.findall(r"\{\{(.*?)\}\}", source, re.DOTALL):
            unsafe = re.sub(r"(['\"]).*?\1\s*\|\s*safe", "", expression)
            assert "|safe" not in unsafe.replace(" ", ""), (name, expression)


def test_who_shows_the_token_in_the_form_gets_a_session_that_no_script_and_no_other_site_can_use() -> None:
    async def scenario(rig: PageRig) -> None:
        answer = await rig.client.get("/stations/A1", headers=OWN_HTML)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/stations/A1")
        form = Elements(await rig.html(answer.headers["location"]))
        assert {"type": "hidden", "name": "next", "value": "/stations/A1"} in form.of("input")
        assert "A1" not in (await rig.html("/login")).replace('value="/"', "")
        wrong = await rig.client.post("/login", data={"token": "wrong"})
        assert (wrong.status_code, "not the token" in wrong.text, "set-cookie" in wrong.headers) == (401, True, False)
        origin = {"origin": "http://evil.example"}
        assert (await rig.client.post("/login", data={"token": TOKEN}, headers=origin)).status_code == 403
        right = await rig.client.post("/login", data={"token": TOKEN, "next": "/stations/A1"})
        assert (right.status_code, right.headers["location"]) == (303, "/stations/A1")
        cookie = right.headers["set-cookie"]
        assert ("HttpOnly" in cookie, "samesite=strict" in cookie.lower(), TOKEN in cookie) == (True, True, False)
        assert "A1" in await rig.html("/stations/A1")
        await rig.act("/network", {"up": False})
        assert not rig.station.seat.network_up
        rig.client.cookies.clear()
        await rig.act("/network", {"up": True}, 401)

    play(scenario, token=TOKEN)


def test_stream_of_a_session_that_has_ended_is_refused_and_not_led_to_the_login() -> None:
    """A form would be taken for a stream that says nothing; of a 401 the page learns that it is to load itself anew."""

    async def scenario(rig: PageRig) -> None:
        accept = {"accept": "text/html, text/event-stream"}
        assert (await rig.client.get("/stations/A1/stream", headers=accept)).status_code == 401

    play(scenario, token=TOKEN)


def test_who_logs_out_is_a_stranger_again() -> None:
    async def scenario(rig: PageRig) -> None:
        assert (await rig.client.post("/logout")).status_code == 401
        await rig.client.post("/login", data={"token": TOKEN})
        for path in ("/stations/A1", "/patterns"):
            assert {"method": "post", "action": "/logout", "class": "logout"} in Elements(await rig.html(path)).of(
                "form"
            )
        session = rig.client.cookies[COOKIE]
        elsewhere = {"origin": "http://evil.example"}
        assert (await rig.client.post("/logout", headers=elsewhere)).status_code == 403
        ours = {"origin": f"http://127.0.0.1:{rig.api.port}"}
        answer = await rig.client.post("/logout", data={}, headers=ours)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
        assert COOKIE not in rig.client.cookies
        rig.client.cookies.set(COOKIE, session)
        assert (await rig.client.get("/api/stations")).status_code == 401

    play(scenario, token=TOKEN)


@pytest.mark.parametrize("after", ["//evil.example", "/\\evil.example", "http://evil.example", "evil", "/a\r\nb: c"])
def test_after_the_login_nobody_is_sent_elsewhere(after: str) -> None:
    async def scenario(rig: PageRig) -> None:
        right = await rig.client.post("/login", data={"token": TOKEN, "next": after})
        assert (right.status_code, right.headers["location"]) == (303, "/")

    play(scenario, token=TOKEN)


def test_without_a_token_there_is_no_login_and_beyond_this_machine_there_must_be_one() -> None:
    async def scenario(rig: PageRig) -> None:
        assert (await rig.client.get("/login")).status_code == 404
        assert (await rig.client.post("/login", data={"token": ""})).status_code == 404
        open_to_all(rig.host)

    play(scenario)


def open_to_all(host: Host) -> None:
    with pytest.raises(ForecourtError, match="a token is demanded"):
        ControlApi(host, "0.0.0.0", 0)
    ControlApi(host, "0.0.0.0", 0, token=TOKEN)
