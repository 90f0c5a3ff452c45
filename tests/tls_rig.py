"""A hosted station and a supervision over TLS only, with real keys, and servers of openssl."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from forecourt.evlink.keys import require_key
from forecourt.runtime.host import Host
from forecourt.runtime.keys import Keys
from forecourt.runtime.link import Links, Refuse, Welcome
from forecourt.runtime.records import RecordStore
from forecourt.station.commissioning import Commissioning
from tests.authorities import OPERATOR, SERIAL, SUPERVISION, Authority, key_of, pem_of
from tests.hosted_rig import NoChance, Rig, YesSayer, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from forecourt.runtime.clock import Clock
    from forecourt.runtime.hosted import HostedStation
    from forecourt.runtime.link import Handshake

NOW = datetime.now(UTC)
VALID = (NOW - timedelta(days=2), NOW + timedelta(days=300))
KEY = "00112233445566778899aabbccddeeff"
ROOT = Authority(valid=VALID)


def server_chain(
    folder: Path, authority: Authority, *, valid: tuple[datetime, datetime] = VALID, host: str = ""
) -> Path:
    """What a supervision at 127.0.0.1 shows, with its key."""
    key = key_of("server")
    name: x509.GeneralName = x509.DNSName(host) if host else x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    leaf = authority.issue(
        key.public_key(),
        common_name=host or "127.0.0.1",
        valid=valid,
        extensions=(x509.SubjectAlternativeName([name]),),
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / "server.pem"
    file.write_bytes(private + pem_of(leaf, authority.certificate).encode())
    return file


class Strict(YesSayer):
    """A supervision that lets a station in by password or, once it wants that, by certificate only."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.wants_certificate = False
        self.refuses: int | None = None
        """A status of HTTP for everybody."""
        self.handshakes: list[Handshake] = []

    def decide(self, handshake: Handshake) -> Welcome | Refuse:  # type: ignore[override]
        self.handshakes.append(handshake)
        if self.refuses is not None:
            return Refuse(self.refuses, "Not now.")
        if self.wants_certificate and handshake.certificate is None:
            return Refuse(401, "A certificate is wanted here.")
        return Welcome(self)


def server_context(certificate_file: str) -> ssl.SSLContext:
    """What a server shows whose chain and key are in this file; nobody's certificate is asked for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate_file)
    return context


class TlsRig(Rig):
    """As `Rig`, over TLS only: the station trusts the root as delivered until it is told otherwise."""

    def __init__(self, chain: Path, folder: Path | None = None) -> None:
        super().__init__(1.0, folder)
        self.strict = Strict(self.clock)
        self.url = ""
        """Where stations go; empty: to the supervision of this rig."""
        self.supervision = self.strict
        self.context = server_context(str(chain))
        self.context.verify_mode = ssl.CERT_OPTIONAL
        self.context.load_verify_locations(cadata=ROOT.pem)

    async def __aenter__(self) -> TlsRig:
        self.links = Links(close_timeout_s=0.5, certificate_authorities=ROOT.pem)
        self.listener = await self.links.serve("127.0.0.1", 0, self.strict.decide, context=self.context)
        self.host = self.make_host()
        return self

    def make_host(self) -> Host:
        if self.folder is None:
            return Host(self.clock, self.links, chance=NoChance())
        records = RecordStore(self.folder / "records.sqlite")
        return Host(self.clock, self.links, records, chance=NoChance(), keys=Keys(self.folder / "keys"))

    async def add(self, **settings: str) -> HostedStation:
        """A station at profile 0 with wss as written (reading A10), with power."""
        url = self.url or f"wss://127.0.0.1:{self.listener.port}"
        commissioning = Commissioning("STATION 1", url, "EVD1S180THB", SERIAL, "3.5.8803", KEY)
        chosen = [(require_key(name), value) for name, value in settings.items()]
        station = await self.host.add(commissioning, self.options, chosen)
        station.power(True)
        return station

    async def ask(self, action: str, payload: dict[str, Any]) -> str:
        return str((await self.supervision.call(action, payload))["status"])

    async def come_back(self, seen: int) -> None:
        """Wait until the station was let in again and could be asked something."""
        await until(lambda: len(self.strict.handshakes) > seen and self.strict.links)


@asynccontextmanager
async def connected(rig: TlsRig, **settings: str) -> AsyncIterator[HostedStation]:
    async with rig:
        station = await rig.add(SecurityProfile="0", CpoName=OPERATOR, **settings)
        await until(lambda: rig.supervision.count()["BootNotification"])
        yield station


async def give_certificate(rig: TlsRig) -> str:
    """Install the root, have a request made, and answer it; the chain."""
    installed = {"certificateType": SUPERVISION, "certificate": ROOT.pem}
    assert await rig.ask("InstallCertificate", installed) == "Accepted"
    asked = {"requestedMessage": "SignChargePointCertificate"}
    assert await rig.ask("ExtendedTriggerMessage", asked) == "Accepted"
    await until(lambda: rig.supervision.payloads("SignCertificate"))
    between = Authority("Between", ROOT, valid=VALID)
    chain = between.sign(rig.supervision.payloads("SignCertificate")[-1]["csr"], valid=VALID) + between.pem
    assert await rig.ask("CertificateSigned", {"certificateChain": chain}) == "Accepted"
    return chain


class OpensslServer:
    """`openssl s_server` as it runs."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port
        self.said = b""

    async def until(self, text: bytes) -> bytes:
        """All it has said, as soon as this is among it."""
        assert self.process.stdout is not None
        while text not in self.said:
            more = await self.process.stdout.read(65536)
            assert more, f"openssl ended without {text!r}: {self.said!r}"
            self.said += more
        return self.said

    async def end(self) -> bytes:
        """Stop it; all it has said."""
        self.process.kill()
        rest, _ = await self.process.communicate()
        self.said += rest
        return self.said

    def type(self, command: bytes) -> None:
        """Give it a command as from its keyboard."""
        assert self.process.stdin is not None
        self.process.stdin.write(command)


@asynccontextmanager
async def openssl_serving(file: Path, *options: str) -> AsyncIterator[OpensslServer]:
    """An independent server with this certificate and key."""
    process = await asyncio.create_subprocess_exec(
        *("openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", str(file), *options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    try:
        while not (line := await process.stdout.readline()).startswith(b"ACCEPT"):
            assert line, "openssl did not start"
        yield OpensslServer(process, int(line.rsplit(b":", 1)[1]))
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@asynccontextmanager
async def openssl_server(folder: Path, *options: str) -> AsyncIterator[int]:
    """An independent server with a certificate that nobody trusts; its port."""
    key = key_of("rsa server", "rsa2048")
    leaf = Authority("Foreign", valid=VALID).issue(key.public_key(), common_name="127.0.0.1", valid=VALID)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / "openssl.pem"
    file.write_bytes(private + pem_of(leaf).encode())
    async with openssl_serving(file, *options) as server:
        yield server.port
