"""The file servers that the supervision hosts, and the addresses that it gives to stations."""

from __future__ import annotations

import socket
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING
from urllib.parse import quote

from forecourt.runtime.http_server import ApiServer
from forecourt.runtime.ports import host_and_port
from forecourt.supervision.files_store import FileRefused, FileStore

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

    from forecourt.supervision.files_store import Ticket

PROTOCOLS = ("http", "https", "ftp")


class UsualPort(int):
    """A port that is taken where it is free; else any other will do."""


class FileServers:
    """All servers over one store. A port of 0 finds a free one; None leaves that server out."""

    def __init__(
        self,
        store: FileStore,
        host: str,
        http_port: int | None,
        ftp_port: int | None,
        https_port: int | None = None,
    ) -> None:
        self.store = store
        self._host = host
        self.http_port = http_port
        self.ftp_port = ftp_port
        self.https_port = https_port
        self._open = AsyncExitStack()

    async def start(
        self,
        arrived: Callable[[Ticket, str, int], Awaitable[None]],
        tls: ssl.SSLContext | None = None,
        tls_host: str = "",
    ) -> None:
        """Open the folders and the ports. Raises `ForecourtError` with a sentence, and then nothing is left open.

        HTTPS needs `tls`, and `tls_host`, the name in the certificate that `tls` shows.
        """
        self._tls_host = tls_host
        if tls is None:
            self.https_port = None
        async with AsyncExitStack() as opened:
            await self.store.open(arrived)
            opened.push_async_callback(self.store.close)
            if self.served:
                self.store.files.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.http_port is not None:
                from forecourt.supervision.files_http import create_files_app

                http = ApiServer(create_files_app(self.store), self._host, self._free(self.http_port))
                await http.start()
                opened.push_async_callback(http.stop)
                self.http_port = http.port
            if self.https_port is not None:
                from forecourt.supervision.files_http import create_files_app

                https = ApiServer(create_files_app(self.store), self._host, self._free(self.https_port), tls)
                await https.start()
                opened.push_async_callback(https.stop)
                self.https_port = https.port
            if self.ftp_port is not None:
                from forecourt.supervision.files_ftp import FtpServer  # aioftp takes a while to import

                ftp = FtpServer(self.store, self._host, self._free(self.ftp_port))
                await ftp.start()
                opened.push_async_callback(ftp.stop)
                self.ftp_port = ftp.port
            self._open = opened.pop_all()

    async def stop(self) -> None:
        """Close everything, in a few seconds at most."""
        await self._open.aclose()

    @property
    def served(self) -> list[str]:
        """The protocols that are served."""
        ports = {"http": self.http_port, "https": self.https_port, "ftp": self.ftp_port}
        return [name for name in PROTOCOLS if ports[name] is not None]

    def protocol(self, wanted: str | None, *, encrypted: bool = False) -> str:
        """The protocol to use: the wanted one, or the first that is served. Raises `FileRefused` (409).

        `encrypted` has HTTPS before the others.
        """
        served = sorted(self.served, key="https".__ne__) if encrypted else self.served
        if wanted is None and served:
            return served[0]
        if wanted is None or wanted not in served:
            runs = " and ".join(served) or "none"
            raise FileRefused(409, f"No file server for {wanted or 'stations'} runs here; {runs} does.")
        return wanted

    def file_url(self, name: str, protocol: str, shown_name: str | None = None) -> str:
        """Where a station fetches a file. Its address may end in another name, where that counts."""
        path = quote(name, safe="")
        if shown_name not in (None, name):
            path = f"{path}/{quote(shown_name or name, safe='')}"
        if protocol == "ftp":
            return f"ftp://{self._at(self.ftp_port)}/{path}"
        return f"{self._web(protocol)}/files/{path}"

    def upload_url(self, ticket: Ticket, protocol: str) -> str:
        """The directory into which a station puts what it is asked for."""
        if protocol == "ftp":
            return f"ftp://{ticket.login}:{ticket.token}@{self._at(self.ftp_port)}/"
        return f"{self._web(protocol)}/uploads/{ticket.token}"

    @property
    def https_url(self) -> str | None:
        """Where files are fetched over HTTPS; None where they are not."""
        return None if self.https_port is None else f"{self._web('https')}/files/"

    def _web(self, protocol: str) -> str:
        if protocol == "https":
            assert self.https_port is not None, "addresses are given of servers that run"
            return f"https://{host_and_port(self._tls_host, self.https_port)}"
        return f"http://{self._at(self.http_port)}"

    def _at(self, port: int | None) -> str:
        assert port is not None, "addresses are given of servers that run"
        return host_and_port(self._host, port)

    def _free(self, port: int) -> int:
        if not isinstance(port, UsualPort):
            return port
        with socket.socket(socket.AF_INET6 if ":" in self._host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self._host, port))
            except OSError:
                return 0
        return port
