"""Files over HTTP and HTTPS. An upload is a PUT of `<folder>/<name>`, and a POST as a form where PUT is not allowed."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx2

from forecourt.runtime.file_place import Place, TransferError, redirected
from forecourt.station.events import TransferProblem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

REDIRECTS = 5
"""How many are followed."""
FORM_FIELD = "file"
"""The name of the file's part in a form."""
_MOVED = frozenset({301, 302, 303, 307, 308})
_SEE_OTHER = 303
_NO_PUT = frozenset({405, 501})

_STATUS_PROBLEMS = {
    401: TransferProblem.REFUSED,
    403: TransferProblem.REFUSED,
    407: TransferProblem.REFUSED,
    404: TransferProblem.NOT_FOUND,
    410: TransferProblem.NOT_FOUND,
    413: TransferProblem.TOO_LARGE,
}
"""What a status of a server means; any other that is no success is SERVER."""

_TROUBLES: tuple[tuple[type[Exception], TransferProblem, str], ...] = (
    (ssl.SSLError, TransferProblem.SERVER, "does not agree on TLS"),
    (httpx2.ConnectError, TransferProblem.UNREACHABLE, "does not answer"),
    (httpx2.NetworkError, TransferProblem.INTERRUPTED, "ended the connection before the file was through"),
    (httpx2.RemoteProtocolError, TransferProblem.INTERRUPTED, "broke off its answer, or it is no HTTP"),
    (httpx2.LocalProtocolError, TransferProblem.ADDRESS, "cannot be asked for such an address"),
    (httpx2.InvalidURL, TransferProblem.ADDRESS, "cannot be asked for such an address"),
    (httpx2.UnsupportedProtocol, TransferProblem.ADDRESS, "cannot be asked for such an address"),
)
"""What went wrong below HTTP; the first row that fits counts."""


class Http:
    """Moves files over HTTP and HTTPS, servers being checked with `context`."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context

    async def fetch(self, place: Place, most_bytes: int) -> bytes:
        """Download a file of at most `most_bytes`, whatever was announced."""
        async with self._client() as client:
            for _ in range(1 + REDIRECTS):
                async with _asked(client, "GET", place) as response:
                    if response.status_code not in _MOVED:
                        return await _read(place, response, most_bytes)
                    place = redirected(place, response.headers.get("location", ""))
        raise _redirected_too_often(place)

    async def send(self, folder: Place, name: str, data: bytes) -> None:
        """Upload a file into a folder."""
        async with self._client() as client:
            status = await _upload(client, "PUT", folder.child(name), {"content": data})
            if status in _NO_PUT:
                status = await _upload(client, "POST", folder, {"files": {FORM_FIELD: (name, data)}})
            if not 200 <= status < 300:
                raise _unwelcome(folder, status)

    def _client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            verify=self._context, trust_env=False, timeout=None, headers={"accept-encoding": "identity"}
        )


async def _upload(client: httpx2.AsyncClient, method: str, place: Place, body: dict[str, Any]) -> int:
    """The status of the answer, redirects followed with the same method."""
    for _ in range(1 + REDIRECTS):
        async with _asked(client, method, place, **body) as response:
            if response.status_code not in _MOVED or response.status_code == _SEE_OTHER:
                return response.status_code
            place = redirected(place, response.headers.get("location", ""))
    raise _redirected_too_often(place)


@asynccontextmanager
async def _asked(client: httpx2.AsyncClient, method: str, place: Place, **body: Any) -> AsyncIterator[httpx2.Response]:
    """The answer to one request, its body still to be read."""
    auth = None if place.user is None else httpx2.BasicAuth(place.user, place.password)
    try:
        async with client.stream(method, place.url(), auth=auth, **body) as response:
            yield response
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
        raise _trouble(place, error) from error


async def _read(place: Place, response: httpx2.Response, most_bytes: int) -> bytes:
    if response.status_code != 200:
        raise _unwelcome(place, response.status_code)
    if response.headers.get("content-encoding", "identity") != "identity":
        raise TransferError(TransferProblem.SERVER, f"{place} encodes the file, though it was asked not to")
    announced = response.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > most_bytes:
        raise TransferError(
            TransferProblem.TOO_LARGE, f"expected at most {most_bytes} bytes from {place}, it announces {announced}"
        )
    data = bytearray()
    async for block in response.aiter_raw():
        data += block
        if len(data) > most_bytes:
            raise TransferError(
                TransferProblem.TOO_LARGE, f"expected at most {most_bytes} bytes from {place}, came more"
            )
    return bytes(data)


def _unwelcome(place: Place, status: int) -> TransferError:
    return TransferError(_STATUS_PROBLEMS.get(status, TransferProblem.SERVER), f"{place} answers with status {status}")


def _redirected_too_often(place: Place) -> TransferError:
    return TransferError(TransferProblem.ADDRESS, f"expected at most {REDIRECTS} redirects, {place} adds one more")


def _trouble(place: Place, error: Exception) -> TransferError:
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in chain:
        chain.append(cause)
        cause = cause.__cause__ or cause.__context__
    for link in chain:
        if isinstance(link, ssl.SSLCertVerificationError):
            return TransferError(
                TransferProblem.CERTIFICATE, f"the certificate of {place} is not trusted: {link.verify_message}"
            )
    for kind, problem, says in _TROUBLES:
        if any(isinstance(link, kind) for link in chain):
            return TransferError(problem, f"{place} {says}")
    return TransferError(TransferProblem.SERVER, f"{place} cannot be understood")
