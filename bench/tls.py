"""TLS: what a handshake costs with and without resumption, connections a second, and the memory of a TLS station.

Handshakes are OpenSSL's alone, both ends in one thread and no socket between, with the very contexts of the product:
the supervision's, and that of a station which trusts one installed root. A station's own link never resumes: neither
asyncio nor uvloop hands a session to a new connection. What it would gain is told, and how often it did is counted.

Connections are whole: TCP, TLS, the WebSocket's handshake and the supervision's facts; one is closed as soon as it is
open. They go over the product's links from one process to the supervision in another, secured and plain in turns.
"""

from __future__ import annotations

import asyncio
import ssl
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bench.parent import STATION_CORE, SUPERVISION_CORE, start
from bench.role import Role
from forecourt.runtime.link import Links
from forecourt.runtime.tls import only_trusting
from forecourt.supervision.server_authority import Authority
from forecourt.supervision.server_tls import server_context

if TYPE_CHECKING:
    from bench.parent import Child
    from forecourt.runtime.link import Link

HOST = "127.0.0.1"
ORGANIZATION = "Forecourt"
AT_ONCE = 50
"""Connections that are opened at the same time."""
VERSIONS = {"tls_1_2": ssl.TLSVersion.TLSv1_2, "tls_1_3": ssl.TLSVersion.TLSv1_3}


def measure(quick: bool) -> dict[str, Any]:
    """Handshakes and connections a second, and KB a connected station, as plain figures and ratios."""
    return _handshakes(10 if quick else 400) | _with_supervisions(quick)


# Handshakes.


def _handshakes(count: int) -> dict[str, float]:
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder), (HOST,), ORGANIZATION, time.time)
        server = server_context([authority.root_pem], authority.server_files())
        for name, version in VERSIONS.items():
            client = only_trusting((authority.root_pem,))
            client.minimum_version = client.maximum_version = version
            full_us = _handshake_us(server, client, count, resumed=False)
            resumed_us = _handshake_us(server, client, count, resumed=True)
            found[f"{name}_full_us"], found[f"{name}_resumed_us"] = full_us, resumed_us
            found[f"{name}_full_over_resumed"] = round(full_us / resumed_us, 2)
        client = only_trusting((authority.root_pem,))
        client.load_cert_chain(_client_certificate(authority, Path(folder)))
        found["tls_1_3_full_with_client_certificate_us"] = _handshake_us(server, client, count, resumed=False)
    return found


def _handshake_us(server: ssl.SSLContext, client: ssl.SSLContext, count: int, *, resumed: bool) -> float:
    """Microseconds of CPU for one handshake, of both ends together; the median of five rounds."""
    session = _shake_hands(server, client, None)[1] if resumed else None
    rounds = []
    for _ in range(5):
        began = time.process_time()
        for _ in range(count):
            is_resumed, _ = _shake_hands(server, client, session)
            assert is_resumed == resumed, "a session was asked for and not taken, or the other way round"
        rounds.append((time.process_time() - began) / count * 1e6)
    return round(median(rounds), 1)


def _shake_hands(
    server: ssl.SSLContext, client: ssl.SSLContext, session: ssl.SSLSession | None
) -> tuple[bool, ssl.SSLSession | None]:
    """A whole handshake over memory; whether it was a resumption, and the session for the next one."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    station = client.wrap_bio(to_client, to_server, server_hostname=HOST, session=session)
    supervision = server.wrap_bio(to_server, to_client, server_side=True)
    waiting = [station, supervision]
    while waiting:
        for end in tuple(waiting):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(end)
    supervision.write(b"x")  # in TLS 1.3 the ticket for a resumption comes with what is sent after the handshake
    station.read(1)
    return bool(station.session_reused), station.session


def _client_certificate(authority: Authority, folder: Path) -> Path:
    """The file of a station's certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = ((NameOID.ORGANIZATION_NAME, ORGANIZATION), (NameOID.COMMON_NAME, "3N2645000001"))
    subject = x509.Name([x509.NameAttribute(*name) for name in names])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    chain = authority.issue(request.public_bytes(serialization.Encoding.PEM).decode()).chain
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / "station.pem"
    file.write_bytes(private + chain.encode())
    return file


# Connections.


class Dialler(Role):
    """The stations' end: opens connections and closes them again, as fast as they come about."""

    def __init__(self, url: str, count: int, root: str | None) -> None:
        self._url = url
        self._count = count
        self._links = Links()
        self._context = None if root is None else only_trusting((root,))
        self._next = 0
        self.messages = 0

    async def start(self) -> dict[str, Any]:
        """Nothing to do."""
        return {}

    async def run(self) -> dict[str, Any]:
        """Open and close as many as were asked for; how long that took and how many were resumed."""
        began, cpu_s = time.monotonic(), time.process_time()
        room = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(self._dial(room) for _ in range(self._count)))
        return {
            "connections_per_s": self._count / (time.monotonic() - began),
            "cpu_us": (time.process_time() - cpu_s) / self._count * 1e6,
            "resumed": 0 if self._context is None else self._context.session_stats()["hits"],
        }

    async def _dial(self, room: asyncio.Semaphore) -> None:
        async with room:
            self._next += 1
            identity = f"DIAL-{self._next:05d}"
            opening = Opening()
            self._links.connect(f"{self._url}/{identity}", opening, identity=identity, context=self._context)
            await opening.ended
            self.messages += 1

    async def stop(self) -> dict[str, Any]:
        """End it."""
        await self._links.close()
        return {}


class Opening:
    """The owner of a connection that is closed as soon as it is open."""

    def __init__(self) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def link_opened(self, link: Link) -> None:
        """That was it."""
        link.close(1000, "")

    def link_refused(self, link: Link, reason: str, http_status: int | None) -> None:
        """It must not be."""
        self.ended.set_exception(ConnectionError(reason))

    def frame_received(self, link: Link, frame: bytes) -> None:
        """Nothing comes."""

    def pong_received(self, link: Link) -> None:
        """Nothing comes."""

    def link_closed(self, link: Link, code: int, reason: str) -> None:
        """It is over."""
        if not self.ended.done():
            self.ended.set_result(None)


def _with_supervisions(quick: bool) -> dict[str, float]:
    """Connected stations, then connections that come and go, over TLS and plain, each kind with its supervision."""
    count, rounds, stations = (20, 1, 20) if quick else (400, 5, 500)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        supervisions = {secured: _supervision(opened, Path(folder), secured) for secured in (True, False)}
        found = _memory({secured: _held(end, stations) for secured, end in supervisions.items()}, stations)
        diallers = {secured: _dialler(opened, end, count) for secured, end in supervisions.items()}
        turns: dict[bool, list[dict[str, float]]] = {True: [], False: []}
        for _ in range(rounds):
            for secured, supervision in supervisions.items():
                turns[secured].append(_turn(diallers[secured], supervision, count))
        for child in (*diallers.values(), *supervisions.values()):
            child.tell("stop")
    return found | _connections(turns[True], turns[False])


def _supervision(opened: ExitStack, folder: Path, secured: bool) -> Child:
    data = folder / ("tls" if secured else "plain")
    data.mkdir()
    return opened.enter_context(start("supervision", SUPERVISION_CORE, folder=str(data), secured=secured))


def _dialler(opened: ExitStack, supervision: Child, count: int) -> Child:
    url, root = supervision.ready["url"], supervision.ready["root"]
    return opened.enter_context(start("dialler", STATION_CORE, url=url, count=count, root=root))


def _turn(dialler: Child, supervision: Child, count: int) -> dict[str, float]:
    before = supervision.tell("usage")["cpu_s"]
    told = dialler.tell("run")
    supervision.tell("pause")
    told["supervision_cpu_us"] = (supervision.tell("usage")["cpu_s"] - before) / count * 1e6
    return told


def _connections(tls: list[dict[str, float]], plain: list[dict[str, float]]) -> dict[str, float]:
    """Connections a second and their CPU time at both ends; the ratio is that of turns next to each other."""
    found: dict[str, float] = {}
    for name, turns in (("tls", tls), ("plain", plain)):
        for key, title in (
            ("connections_per_s", f"{name}_connections_per_s"),
            ("cpu_us", f"{name}_connection_station_us"),
            ("supervision_cpu_us", f"{name}_connection_supervision_us"),
        ):
            found[title] = round(median(turn[key] for turn in turns))
    ratios = (b["connections_per_s"] / a["connections_per_s"] for a, b in zip(tls, plain, strict=True))
    found["connections_plain_over_tls"] = round(median(ratios), 2)
    found["own_connections_resumed"] = sum(turn["resumed"] for turn in tls)
    return found


# Memory.


def _memory(held: dict[bool, tuple[float, float]], stations: int) -> dict[str, float]:
    """KB a connected idle station in the stations' process and in the supervision's."""
    secured, plain = held[True], held[False]
    return {
        "stations": stations,
        "tls_station_kb": secured[0],
        "plain_station_kb": plain[0],
        "station_kb_tls_over_plain": round(secured[0] / plain[0], 2),
        "tls_supervision_kb": secured[1],
        "plain_supervision_kb": plain[1],
    }


def _held(supervision: Child, count: int) -> tuple[float, float]:
    before_kb = supervision.tell("usage")["resident_kb"]
    url, root = supervision.ready["url"], supervision.ready["root"]
    options = {"url": url, "count": count, "paced": False, "interval_s": 60, "root": root}
    with start("stations", STATION_CORE, **options) as stations:
        idle_kb = stations.tell("settle")["resident_kb"] - stations.ready["empty_kb"]
        supervision_kb = supervision.tell("usage")["resident_kb"] - before_kb
        stations.tell("stop")
    return round(idle_kb / count, 1), round(supervision_kb / count, 1)
