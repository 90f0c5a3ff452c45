"""The private keys of stations and the TLS contexts made with them. Nothing of a private key leaves this module.

Theory of operation. A key is made off the loop and written to a file of its own that only its owner can read, durable
before anybody hears of it; with no folder to write to it is kept in memory, as for a fleet. The brain knows it by its
id. A context is made of the roots to trust and of the client certificate to show, and is shared by all links that want
the same; making one costs up to a megabyte, so that only the latest few are kept.

`cryptography` is a heavy import: it comes with the first key.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from forecourt.runtime.tls import client_context, only_trusting
from forecourt.station.events import CertificateRequestFailed, CertificateRequestMade

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from forecourt.runtime.driver import Driver
    from forecourt.runtime.seat import Seat
    from forecourt.station.effects import ForgetKey, MakeCertificateRequest, OpenLink
    from forecourt.station.events import Event

CONTEXTS_KEPT = 8
"""TLS contexts of stations that trust or show something of their own."""


class Keys:
    """The keys of the stations of one process, by the station's identity and the key's id."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder` is made when the first key is; None keeps keys in memory."""
        self._folder = folder
        self._in_memory: dict[tuple[str, str], bytes] = {}
        self._contexts: dict[tuple[str, tuple[str, ...] | None, str, str], ssl.SSLContext] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    # Effects.

    def make(
        self,
        loop: asyncio.AbstractEventLoop,
        station: str,
        effect: MakeCertificateRequest,
        done: Callable[[Event], None],
    ) -> None:
        """Make a key and a request for its certificate; `done` hears what came of it, on the loop."""
        task = loop.create_task(self._make(station, effect, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _make(self, station: str, effect: MakeCertificateRequest, done: Callable[[Event], None]) -> None:
        try:
            private, made = await asyncio.to_thread(_made, effect)
            if self._folder is None:
                self._in_memory[station, effect.id] = private
            else:
                await asyncio.to_thread(_write, self._path(station, effect.id), private)
        except (OSError, ValueError) as error:
            done(CertificateRequestFailed(effect.id, f"no key could be kept: {error}"))
        else:
            done(made)

    def forget(self, station: str, key: str) -> None:
        """Destroy a key."""
        self._in_memory.pop((station, key), None)
        self._contexts = {known: context for known, context in self._contexts.items() if known[3] != key}
        if self._folder is not None:
            self._path(station, key).unlink(missing_ok=True)

    def rename(self, old: str, new: str) -> None:
        """A station has another identity."""
        if self._folder is not None and self._folder.is_dir():
            for file in sorted(self._folder.glob(f"{_stem(old)}-*.pem")):
                file.rename(file.with_name(_stem(new) + file.name.removeprefix(_stem(old))))

    async def close(self) -> None:
        """Return when no key is being made any more."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Connections.

    def context(self, station: str, effect: OpenLink) -> ssl.SSLContext | None:
        """What a link is to be opened with; None for the one that all links share.

        Raises `OSError` or `ValueError` (an `ssl.SSLError` is one) if the key or a certificate cannot be used.
        """
        if (effect.roots is None and not effect.chain) or not effect.url.startswith("wss:"):
            return None
        wanted = (station if effect.key else "", effect.roots, effect.chain, effect.key)
        context = self._contexts.pop(wanted, None) or self._new_context(*wanted)
        self._contexts[wanted] = context
        while len(self._contexts) > CONTEXTS_KEPT:
            del self._contexts[next(iter(self._contexts))]
        return context

    def _new_context(self, station: str, roots: tuple[str, ...] | None, chain: str, key: str) -> ssl.SSLContext:
        context = client_context() if roots is None else only_trusting(roots)
        if chain:
            with tempfile.TemporaryDirectory() as folder:  # `ssl` reads certificates of its own from files only
                file = Path(folder) / "chain.pem"
                _write(file, self._private(station, key) + chain.encode())
                context.load_cert_chain(file)
        return context

    def _private(self, station: str, key: str) -> bytes:
        if self._folder is None:
            if (found := self._in_memory.get((station, key))) is None:
                raise FileNotFoundError(f"there is no key {key}")
            return found
        return self._path(station, key).read_bytes()

    def _path(self, station: str, key: str) -> Path:
        assert self._folder is not None, "keys in memory have no path"
        assert re.fullmatch(r"[0-9a-z-]+", key), f"the brain makes other ids than {key!r}"
        return self._folder / f"{_stem(station)}-{key}.pem"


# What the driver does for the effects of a brain.


def make_key(driver: Driver, seat: Seat, effect: MakeCertificateRequest, now: float) -> None:
    """Begin to make a key; a life that has ended meanwhile hears nothing of it."""
    del now
    driver.keys.make(driver.loop, seat.identity, effect, partial(driver.happen_in_life, seat, seat.life))


def forget_key(driver: Driver, seat: Seat, effect: ForgetKey, now: float) -> None:
    """Destroy a key."""
    del now
    driver.keys.forget(seat.identity, effect.id)


# Keys and files.


def _made(effect: MakeCertificateRequest) -> tuple[bytes, CertificateRequestMade]:
    """A private key in PEM, and what the brain may know."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, effect.organization),
            x509.NameAttribute(NameOID.COMMON_NAME, effect.common_name),
        ]
    )
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    pem = request.public_bytes(serialization.Encoding.PEM).decode("ascii")
    return private, CertificateRequestMade(effect.id, pem, public)


def _stem(station: str) -> str:
    """An identity as the beginning of a file's name."""
    return station.encode().hex()


def _write(path: Path, private: bytes) -> None:
    """A new file that only its owner can read, durable as a whole."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(private)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
