"""Files over HTTP and HTTPS, with a server of the standard library and with one made of bytes."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from forecourt.runtime.files import Files
from forecourt.station.effects import FetchFile, FilePart, SendFile
from forecourt.station.events import FileFetched, FileSent, TransferFailed, TransferProblem
from tests.file_peers import ENCODED, PASSWORD, USER, Handler, Request, form_file, http_server, scripted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.file_peers import HttpServer

LIMIT = 2048 * 1024


def fetched(url: str, most_bytes: int = LIMIT, authorities: str | None = None) -> FileFetched | TransferFailed:
    async def bounded() -> FileFetched | TransferFailed:
        async with asyncio.timeout(20):
            return await Files(authorities).fetch(FetchFile("d1", url, most_bytes, 10.0))

    return asyncio.run(bounded())


def sent(url: str, data: bytes = b"[]", authorities: str | None = None) -> FileSent | TransferFailed:
    async def bounded() -> FileSent | TransferFailed:
        async with asyncio.timeout(20):
            effect = SendFile("u1", url, "CP 1#.json", (FilePart("a", data),), None, 0.0, 10.0)
            return await Files(authorities).send(effect, None)

    return asyncio.run(bounded())


def problem(event: Any) -> TransferProblem:
    assert isinstance(event, TransferFailed)
    assert event.reason
    return event.problem


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with http_server() as serving:
        yield serving


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def shown(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def roots(authority: trustme.CA) -> str:
    return authority.cert_pem.bytes().decode()


def test_a_file_of_exactly_the_limit_comes_and_one_byte_more_does_not(server: HttpServer) -> None:
    server.serve("/most", bytes(LIMIT))
    server.serve("/more", bytes(LIMIT + 1))
    assert fetched(f"{server.address}/most") == FileFetched("d1", bytes(LIMIT))
    too_large = fetched(f"{server.address}/more")
    assert problem(too_large) is TransferProblem.TOO_LARGE
    assert str(LIMIT) in str(too_large)


def test_a_file_without_an_announced_length_is_cut_off_at_the_limit(server: HttpServer) -> None:
    """2,049 KB in chunks, of which the server never says how many there are."""

    def chunks(handler: Handler, request: Request) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for _ in range(2049):
            handler.wfile.write(b"400\r\n" + bytes(1024) + b"\r\n")
        handler.wfile.write(b"0\r\n\r\n")

    server.routes["/endless"] = chunks
    assert problem(fetched(f"{server.address}/endless")) is TransferProblem.TOO_LARGE
    assert fetched(f"{server.address}/endless", 2049 * 1024) == FileFetched("d1", bytes(2049 * 1024))


def test_what_follows_the_announced_length_is_no_part_of_the_file(server: HttpServer) -> None:
    def more(handler: Handler, request: Request) -> None:
        handler.answer(200, b"12345 and more", Content_Length="5")
        handler.close_connection = True

    server.routes["/f"] = more
    assert fetched(f"{server.address}/f", 5) == FileFetched("d1", b"12345")


def test_a_server_that_closes_early_has_interrupted_the_file(server: HttpServer) -> None:
    def less(handler: Handler, request: Request) -> None:
        handler.answer(200, b"123", Content_Length="5")
        handler.close_connection = True

    server.routes["/f"] = less
    assert problem(fetched(f"{server.address}/f")) is TransferProblem.INTERRUPTED


def test_a_connection_reset_in_an_upload_has_interrupted_it() -> None:
    async def scenario() -> FileSent | TransferFailed:
        async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.transport.abort()

        async with asyncio.timeout(20), scripted(reset) as port:
            effect = SendFile(
                "u1", f"http://127.0.0.1:{port}", "a.bin", (FilePart("a", bytes(10**7)),), None, 0.0, 10.0
            )
            return await Files().send(effect, None)

    assert problem(asyncio.run(scenario())) is TransferProblem.INTERRUPTED


def test_a_server_that_speaks_something_else_has_interrupted_the_file() -> None:
    async def scenario() -> FileFetched | TransferFailed:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 FTP here\r\n")
            await reader.read(10)

        async with asyncio.timeout(20), scripted(talk) as port:
            return await Files().fetch(FetchFile("d1", f"http://127.0.0.1:{port}/", 100, 10.0))

    assert problem(asyncio.run(scenario())) is TransferProblem.INTERRUPTED


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, TransferProblem.REFUSED),
        (403, TransferProblem.REFUSED),
        (404, TransferProblem.NOT_FOUND),
        (410, TransferProblem.NOT_FOUND),
        (204, TransferProblem.SERVER),
        (500, TransferProblem.SERVER),
        (507, TransferProblem.SERVER),
    ],
)
def test_a_status_is_told_as_its_problem(server: HttpServer, status: int, expected: TransferProblem) -> None:
    server.routes["*"] = lambda handler, _: handler.answer(status)
    event = fetched(f"{server.address}/f")
    assert problem(event) is expected
    assert str(status) in str(event)
    if status != 204:
        assert problem(sent(server.address)) is expected


def test_an_upload_too_large_for_its_server_is_told_so(server: HttpServer) -> None:
    server.routes["*"] = lambda handler, _: handler.answer(413)
    assert problem(sent(server.address)) is TransferProblem.TOO_LARGE


def test_credentials_of_the_address_are_shown_as_basic_authentication(server: HttpServer) -> None:
    expected = "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    def guarded(handler: Handler, request: Request) -> None:
        handler.answer(200 if request.headers.get("authorization") == expected else 401, b"file")

    server.routes["*"] = guarded
    url = server.address.replace("//", f"//{ENCODED}@")
    assert fetched(f"{url}/f") == FileFetched("d1", b"file")
    assert sent(url) == FileSent("u1")
    assert problem(fetched(f"{server.address}/f")) is TransferProblem.REFUSED
    wrong = sent(url.replace("ss", "zz"))
    assert problem(wrong) is TransferProblem.REFUSED
    assert "zz" not in str(wrong)


def test_a_name_is_encoded_into_the_folders_address_and_the_query_stays(server: HttpServer) -> None:
    server.routes["*"] = lambda handler, _: handler.answer(201)
    for folder in ("", "/", "/in/a%20b/", "/in?token=1"):
        assert sent(server.address + folder) == FileSent("u1")
    assert [each.path for each in server.requests] == [
        "/CP%201%23.json",
        "/CP%201%23.json",
        "/in/a%20b/CP%201%23.json",
        "/in/CP%201%23.json?token=1",
    ]


@pytest.mark.parametrize("status", [405, 501])
def test_where_put_is_not_allowed_the_file_goes_to_the_folder_as_a_form(server: HttpServer, status: int) -> None:
    server.routes["*"] = lambda handler, request: handler.answer(status if request.method == "PUT" else 201)
    assert sent(f"{server.address}/in", b"data") == FileSent("u1")
    put, post = server.requests
    assert (put.method, post.method, post.path) == ("PUT", "POST", "/in")
    assert form_file(post) == ("file", "CP 1#.json", b"data")


def test_redirects_are_followed_with_the_credentials_on_the_same_server_only(server: HttpServer) -> None:
    with http_server() as other:
        other.serve("/f", b"there")
        server.redirect("/a", "/b")
        server.redirect("/b", f"{other.address}/f", 308)
        url = server.address.replace("//", f"//{ENCODED}@")
        assert fetched(f"{url}/a") == FileFetched("d1", b"there")
        assert ["authorization" in each.headers for each in server.requests] == [True, True]
        assert ["authorization" in each.headers for each in other.requests] == [False]


def test_an_upload_is_redirected_as_a_put_and_not_by_see_other(server: HttpServer) -> None:
    server.redirect("/a/CP%201%23.json", "/b", 307)
    server.redirect("/c/CP%201%23.json", "/b", 303)
    server.routes["/b"] = lambda handler, _: handler.answer(201)
    assert sent(f"{server.address}/a", b"data") == FileSent("u1")
    assert (server.requests[-1].method, server.requests[-1].body) == ("PUT", b"data")
    assert problem(sent(f"{server.address}/c")) is TransferProblem.SERVER


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("file:///etc/passwd", TransferProblem.SCHEME),
        ("ftp://127.0.0.1/f", TransferProblem.SCHEME),
        ("gopher://127.0.0.1/f", TransferProblem.SCHEME),
        ("/loop", TransferProblem.ADDRESS),
        ("http://", TransferProblem.ADDRESS),
        ("http://host:99999/", TransferProblem.ADDRESS),
    ],
)
def test_a_redirect_to_where_a_station_does_not_go_is_not_followed(
    server: HttpServer, location: str, expected: TransferProblem
) -> None:
    server.redirect("/loop", location)
    server.redirect("/loop/CP%201%23.json", location)
    assert problem(fetched(f"{server.address}/loop")) is expected
    assert problem(sent(f"{server.address}/loop")) is expected
    assert len(server.requests) <= 12


def test_a_file_that_is_encoded_though_not_asked_for_is_refused(server: HttpServer) -> None:
    """A few bytes could unpack to gigabytes."""
    server.routes["*"] = lambda handler, _: handler.answer(200, b"\x1f\x8b", Content_Encoding="gzip")
    assert problem(fetched(f"{server.address}/f")) is TransferProblem.SERVER
    assert server.requests[0].headers["accept-encoding"] == "identity"


def test_files_pass_both_ways_over_https_with_a_trusted_certificate(authority: trustme.CA) -> None:
    with http_server(shown(authority.issue_cert("127.0.0.1"))) as server:
        server.serve("/f", bytes(LIMIT))
        server.routes["*"] = lambda handler, _: handler.answer(201)
        assert fetched(f"{server.address}/f", authorities=roots(authority)) == FileFetched("d1", bytes(LIMIT))
        assert sent(f"{server.address}/in", bytes(LIMIT), authorities=roots(authority)) == FileSent("u1")
        assert server.requests[-1].body == bytes(LIMIT)


def test_nothing_is_redirected_from_https_to_http(authority: trustme.CA, server: HttpServer) -> None:
    server.serve("/f", b"readable")
    with http_server(shown(authority.issue_cert("127.0.0.1"))) as secured:
        secured.redirect("/f", f"{server.address}/f")
        event = fetched(f"{secured.address}/f", authorities=roots(authority))
    assert problem(event) is TransferProblem.ADDRESS
    assert server.requests == []


@pytest.mark.parametrize("wrong", ["another host", "another authority", "expired", "itself"])
def test_a_certificate_that_is_not_trusted_ends_the_transfer_before_a_request(
    authority: trustme.CA, wrong: str
) -> None:
    past = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = {
        "another host": lambda: authority.issue_cert("files.example"),
        "another authority": lambda: trustme.CA().issue_cert("127.0.0.1"),
        "expired": lambda: authority.issue_cert(
            "127.0.0.1", not_after=past, not_before=datetime(2019, 1, 1, tzinfo=UTC)
        ),
        "itself": lambda: authority.issue_cert("127.0.0.1"),
    }[wrong]()
    trusted = None if wrong == "itself" else roots(authority)
    with http_server(shown(certificate)) as server:
        for event in (
            fetched(f"{server.address}/f", authorities=trusted),
            sent(f"{server.address}", authorities=trusted),
        ):
            assert problem(event) is TransferProblem.CERTIFICATE
            assert "is not trusted" in str(event)
        assert server.requests == []


def test_a_server_without_tls_at_an_https_address_is_told(server: HttpServer) -> None:
    event = fetched(server.address.replace("http", "https") + "/f")
    assert problem(event) in {TransferProblem.SERVER, TransferProblem.UNREACHABLE}
    assert server.requests == []
