"""What a TLS connection of a station rests on: whom it trusts and what it shows (white paper M05, A02; facts §10.8).

There is one only for a station that has certificates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from forecourt.station.events import LinkProblem

if TYPE_CHECKING:
    from forecourt.station.certificates import Certificates


class Offer(NamedTuple):
    """What an attempt to connect is made with; the fields are those of `OpenLink`."""

    roots: tuple[str, ...] | None = None
    chain: str = ""
    key: str = ""


PLAIN = Offer()
"""Without TLS, or with whatever the driver trusts."""

CLIENT_CERTIFICATE_PROFILE = 3


class LinkTrust:
    """The certificates of the present connection and of the present attempt."""

    __slots__ = ("_certificates", "_failures", "_offer", "_refused", "root")

    def __init__(self, certificates: Certificates) -> None:
        self._certificates = certificates
        self._failures = 0
        """Attempts since the last one that succeeded."""
        self._offer = PLAIN
        self._refused: tuple[str, ...] | None = None
        """What the server's certificate has just failed with."""
        self.root = ""
        """Fingerprint of the root that the present connection hangs on; empty without one, or if it is not known."""

    @property
    def key(self) -> str:
        """The key of the certificate that was shown last; empty for none."""
        return self._offer.key

    def offer(self, profile: int, clock_s: float) -> Offer:
        """With what to make the next attempt to connect over TLS."""
        own = self._certificates.shown(clock_s, self._failures) if profile == CLIENT_CERTIFICATE_PROFILE else None
        roots = self._certificates.trusted(self._refused)
        self._offer = Offer(roots) if own is None else Offer(roots, own.chain, own.key)
        return self._offer

    def no_offer(self) -> Offer:
        """The next attempt is made without TLS."""
        self._offer = PLAIN
        return PLAIN

    def opened(self, root: str, clock_s: float) -> None:
        """The attempt has succeeded; `root` is what the driver knows."""
        from forecourt.station import x509

        roots = self._offer.roots
        self.root = root
        if not root and roots is not None and len(roots) == 1:
            self.root = x509.fingerprint(x509.read_one(roots[0]))
        self._refused = None
        self._failures = 0
        self._certificates.connected(roots)
        if self._offer.key:
            self._certificates.worked(self._offer.key, clock_s)

    def closed(self) -> None:
        """The connection has ended."""
        self.root = ""

    def failed(self, problem: LinkProblem | None) -> bool:
        """The attempt has failed; whether the next one, with the fallback root, is to be made at once."""
        roots = self._offer.roots
        if problem is not LinkProblem.CERTIFICATE or roots is None or self._refused is not None:
            self._refused = None
            self._failures += 1
            return False
        if self._certificates.trusted(roots) == roots:
            self._failures += 1
            return False
        self._refused = roots
        return True
