"""Where a file is or goes: an address as the supervision wrote it, taken apart."""

from __future__ import annotations

from urllib.parse import quote, unquote, urljoin, urlsplit

import msgspec

from forecourt.errors import ForecourtError
from forecourt.station.events import TransferProblem
from forecourt.station.transfers import wrong_address

PORTS = {"ftp": 21, "http": 80, "https": 443}
"""The schemes of the guide, and where their servers listen unless the address says otherwise."""
HTTP_SCHEMES = ("http", "https")


class TransferError(ForecourtError):
    """A file did not come or go; the sentence names no credentials."""

    def __init__(self, problem: TransferProblem, reason: str) -> None:
        super().__init__(reason)
        self.problem = problem


class Place(msgspec.Struct, frozen=True, gc=False):
    """An address of a file or folder."""

    scheme: str
    host: str
    port: int
    path: str
    """As written: percent-encoded, with its leading slash unless it is empty."""
    query: str = ""
    user: str | None = None
    """Not percent-encoded, as is the password."""
    password: str = ""

    def __str__(self) -> str:
        """For sentences: the server, without credentials, path and query."""
        return f"{self.scheme}://{self._host_and_port()}"

    def url(self) -> str:
        """The address without credentials."""
        return f"{self}{self.path or '/'}{'?' if self.query else ''}{self.query}"

    def child(self, name: str) -> Place:
        """A file in this folder."""
        return msgspec.structs.replace(self, path=f"{self.path.rstrip('/')}/{quote(name, safe='')}")

    def is_same_server(self, other: Place) -> bool:
        """Whether credentials for this one may be shown to the other."""
        return (self.scheme, self.host, self.port) == (other.scheme, other.host, other.port)

    def ftp_path(self) -> str:
        """The path as FTP takes it: from the folder of the login, or absolute after a second slash (RFC 1738)."""
        path = self.path.removeprefix("/")
        for ending in (";type=i", ";type=a"):
            path = path.removesuffix(ending)
        return _decoded(path)

    def _host_and_port(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def place_of(url: str) -> Place:
    """Take an address apart. Raises `TransferError` (ADDRESS, SCHEME) with a sentence without its credentials."""
    wrong = wrong_address(url)
    if wrong is not None:
        raise TransferError(*wrong)
    parts = urlsplit(url)
    assert parts.hostname, "an address that is not wrong has a host"
    port = parts.port or PORTS[parts.scheme]
    user = None if parts.username is None else _decoded(parts.username)
    place = Place(parts.scheme, parts.hostname, port, parts.path, parts.query, user, _decoded(parts.password or ""))
    place.ftp_path()  # what cannot be decoded is no address over any protocol
    return place


def redirected(place: Place, location: str) -> Place:
    """Where a server of HTTP sends us. Raises `TransferError` for where a station does not go.

    Credentials go along to the same server only; nothing goes from HTTPS to HTTP.
    """
    try:
        target = place_of(urljoin(place.url(), location))
    except TransferError as error:
        raise TransferError(error.problem, f"{place} redirects to an address of which {error}") from None
    if target.scheme not in HTTP_SCHEMES:
        raise TransferError(TransferProblem.SCHEME, f"{place} redirects to the scheme {target.scheme}")
    if place.scheme == "https" and target.scheme != "https":
        raise TransferError(TransferProblem.ADDRESS, f"{place} redirects to an address without TLS")
    if target.user is None and place.is_same_server(target):
        return msgspec.structs.replace(target, user=place.user, password=place.password)
    return target


def _decoded(text: str) -> str:
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise TransferError(
            TransferProblem.ADDRESS, "expected percent-encoded UTF-8 in the address, came other"
        ) from None
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in decoded):
        raise TransferError(TransferProblem.ADDRESS, "expected no control characters in the address, came some")
    return decoded
