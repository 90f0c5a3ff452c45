"""Who is refused before a request is looked at, over real HTTP, with the application behind it that would obey."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import h11
import pytest

from forecourt.runtime.http_guard import HEADERS, Guard, host_name, is_loopback
from forecourt.runtime.http_token import TokenGate
from tests.page_rig import PageRig, play

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKEN = "correct horse battery staple".replace(" ", "-")
ACT = "/api/stations/A1/network"
BODY = b'{"up": false}'
JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


async def ask(rig: PageRig, headers: Mapping[str, str], method: str = "POST", path: str = ACT) -> tuple[int, str]:
    """A request with these headers; OWN in one stands for the server's own host and port."""
    own = f"127.0.0.1:{rig.api.port}"
    filled = {name: value.replace("OWN", own) for name, value in headers.items()}
    content = BODY if method == "POST" else None
    answer = await rig.client.request(method, path, headers=filled, content=content)
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    return answer.status_code, answer.text


ATTACKS: dict[str, tuple[dict[str, str], int]] = {
    "a name that was made to point here": ({"host": "evil.example", **JSON}, 421),
    "such a name with our port": ({"host": "evil.example:8080", **JSON}, 421),
    "a name that begins like ours": ({"host": "localhost.evil.example", **JSON}, 421),
    "a name that ends like ours": ({"host": "evil-localhost", **JSON}, 421),
    "an address of the network": ({"host": "192.168.1.5", **JSON}, 421),
    "an address behind a user": ({"host": "127.0.0.1@evil.example", **JSON}, 421),
    "our name before a user": ({"host": "evil.example@127.0.0.1", **JSON}, 421),
    "another origin": ({"origin": "http://evil.example", **JSON}, 403),
    "another port of this machine": ({"origin": "http://127.0.0.1:1", **JSON}, 403),
    "our name in another spelling": ({"origin": "http://localhost:1", **JSON}, 403),
    "an origin that hides": ({"origin": "null", **JSON}, 403),
    "an origin that is none": ({"origin": "http://[::1", **JSON}, 403),
    "an origin with a user": ({"origin": "http://me@OWN", **JSON}, 403),
    "no origin at all": ({"origin": "", **JSON}, 403),
    "another site without an origin": ({"sec-fetch-site": "cross-site", **JSON}, 403),
    "a site that is ours by half": ({"sec-fetch-site": "same-site", **JSON}, 403),
    "ours by one header and not by the other": (
        {"origin": "http://evil.example", "sec-fetch-site": "same-origin", **JSON},
        403,
    ),
    "a form of our own": ({"origin": "http://OWN", **FORM}, 415),
    "a form without a kind": ({"origin": "http://OWN", "content-type": ""}, 415),
    "a text of our own": ({"sec-fetch-site": "same-origin", "content-type": "text/plain"}, 415),
}


@pytest.mark.parametrize(("headers", "status"), ATTACKS.values(), ids=ATTACKS)
def test_a_request_of_somebody_else_is_refused_with_a_sentence_and_nothing_happens(
    headers: dict[str, str], status: int
) -> None:
    async def scenario(rig: PageRig) -> None:
        came, said = await ask(rig, headers)
        assert (came, "expected" in said) == (status, True), said
        assert rig.station.seat.network_up

    play(scenario)


OWN: dict[str, dict[str, str]] = {
    "a program": {},
    "a program that says form, as curl -d does": FORM,
    "our page": {"origin": "http://OWN", "sec-fetch-site": "same-origin", **JSON},
    "our page behind TLS": {"origin": "https://OWN", **JSON},
    "our page that hides its origin": {"origin": "null", "sec-fetch-site": "same-origin", **JSON},
    "localhost": {"host": "localhost:1234", **JSON},
    "LOCALHOST.": {"host": "LOCALHOST.", **JSON},
    "another loopback address": {"host": "127.8.8.8:80", **JSON},
    "the loopback address of version 6": {"host": "[::1]:8080", "origin": "http://[::1]:8080", **JSON},
}


@pytest.mark.parametrize("headers", OWN.values(), ids=OWN)
def test_a_request_of_a_program_or_of_our_own_page_is_obeyed(headers: dict[str, str]) -> None:
    async def scenario(rig: PageRig) -> None:
        came, said = await ask(rig, headers)
        assert came == 200, said
        assert not rig.station.seat.network_up

    play(scenario)


def test_reading_is_refused_too_when_it_is_for_another_host_and_headers_are_on_every_answer() -> None:
    async def scenario(rig: PageRig) -> None:
        for path in ("/", "/api/stations", "/schema", "/static/live.js", "/patterns"):
            assert (await ask(rig, {"host": "evil.example"}, "GET", path))[0] == 421
        for path, status in (("/stations/A1", 200), ("/api/stations", 200), ("/nowhere", 404), ("/schema", 200)):
            assert (await ask(rig, {}, "GET", path))[0] == status

    play(scenario)


def test_a_request_without_a_host_is_refused() -> None:
    async def scenario(rig: PageRig) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.api.port)
        writer.write(b"GET /api/stations HTTP/1.0\r\n\r\n")
        connection = h11.Connection(h11.CLIENT)
        connection.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
        connection.send(h11.EndOfMessage())
        connection.receive_data(await reader.read())
        answer: Any = connection.next_event()
        writer.close()
        assert answer.status_code == 400

    play(scenario)


def test_without_the_token_nothing_is_told_or_done_and_with_it_everything() -> None:
    async def scenario(rig: PageRig) -> None:
        for method, path in (("POST", ACT), ("GET", "/api/stations"), ("GET", "/schema"), ("GET", "/patterns")):
            answer = await rig.client.request(method, path)
            assert (answer.status_code, "Bearer" in answer.headers["www-authenticate"]) == (401, True)
            assert "A1" not in answer.text
        for wrong in ("Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer"):
            assert (await ask(rig, {"authorization": wrong}))[0] == 401
        assert rig.station.seat.network_up
        for path in (
            "/static/../api/stations",
            "/static/%2e%2e/api/stations",
            "/login/../api/stations",
            "//api/stations",
        ):
            answer = await rig.client.get(path)
            assert (answer.status_code in (401, 404), "A1" in answer.text) == (True, False), path
        assert (await ask(rig, {"authorization": f"bearer {TOKEN}"}))[0] == 200
        assert not rig.station.seat.network_up

    play(scenario, token=TOKEN)


def test_the_token_does_not_help_another_origin() -> None:
    async def scenario(rig: PageRig) -> None:
        headers = {"authorization": f"Bearer {TOKEN}", "origin": "http://evil.example"}
        assert (await ask(rig, headers | JSON))[0] == 403
        assert rig.station.seat.network_up

    play(scenario, token=TOKEN)


def test_who_guesses_waits() -> None:
    async def scenario(rig: PageRig) -> None:
        came = [(await ask(rig, {"authorization": f"Bearer {guess}"}))[0] for guess in range(12)]
        assert came == [401] * 10 + [429] * 2
        assert (await ask(rig, {"authorization": f"Bearer {TOKEN}"}))[0] == 429

    play(scenario, token=TOKEN)


@pytest.mark.parametrize(
    ("address", "names", "host", "own"),
    [
        ("127.0.0.1", (), "10.0.0.5", False),
        ("0.0.0.0", (), "10.0.0.5", True),
        ("::", (), "[fe80::1]:8080", True),
        ("0.0.0.0", (), "garage.example", False),
        ("0.0.0.0", ("Garage.example",), "garage.EXAMPLE:8080", True),
        ("10.0.0.5", (), "10.0.0.5:80", True),
        ("10.0.0.5", (), "localhost", True),
        ("10.0.0.5", (), "evil.example", False),
        ("10.0.0.5", None, "garage.example", True),
        ("10.0.0.5", None, "garage/example", False),
        ("127.0.0.1", None, "garage.example", False),
    ],
)
def test_beyond_this_machine_addresses_and_the_names_given_are_ours(
    address: str, names: tuple[str, ...] | None, host: str, own: bool
) -> None:
    guard = Guard(address, names, TokenGate(TOKEN))
    scope: Any = {"headers": [(b"host", host.encode())], "method": "GET", "path": "/login"}
    refusal = guard.refusal(scope)
    assert (refusal is None) is own
    if refusal is not None:
        assert refusal.status == 421


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("localhost", "localhost"),
        ("LocalHost.:80", "localhost"),
        ("[::1]:80", "::1"),
        ("", None),
        (":80", None),
        ("a:b", None),
        ("a/b", None),
        ("a?b", None),
        ("a#b", None),
        ("a@b", None),
        ("[::1", None),
        ("a:99999", None),
    ],
)
def test_a_host_header_has_a_name_or_none(host: str, name: str | None) -> None:
    assert host_name(host) == name


@pytest.mark.parametrize(
    ("address", "local"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False), ("garage", False)],
)
def test_only_loopback_addresses_are_of_this_machine_alone(address: str, local: bool) -> None:
    assert is_loopback(address) is local
