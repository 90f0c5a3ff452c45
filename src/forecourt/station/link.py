"""The connection to the supervision: address, credentials, back-off and pings (facts §1.3, §1.4; OCPP-J §3, §5, §6).

The station asks for one link at a time and retries for ever: the first wait is at least `BACK_OFF_LEAST_S` and up to
`BACK_OFF_RANGE_S` longer by chance, and doubles `BACK_OFF_DOUBLINGS` times. The link comes and goes without the
station's boot state changing; what happens then is decided elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecourt.ocpp.address import AddressError, authorization_password, station_url
from forecourt.station.effects import CloseLink, Effect, LogEvent, OpenLink, SendPing
from forecourt.station.link_trust import PLAIN
from forecourt.station.timers import Timer, Timers

if TYPE_CHECKING:
    from forecourt.station.commissioning import Chance
    from forecourt.station.configuration import Configuration
    from forecourt.station.link_trust import Offer

BACK_OFF_LEAST_S = 3.0
BACK_OFF_RANGE_S = 10.0
BACK_OFF_DOUBLINGS = 3
"""The scheme of OCPP 2.0.1 part 4 §5.3; OCPP 1.6 gives no numbers."""

PONG_TIMEOUT_S = 20.0
"""Real seconds after which a ping without pong means that the connection is dead."""


class LinkState:
    """Words for the snapshot."""

    CLOSED = "closed"
    OPENING = "opening"
    OPEN = "open"
    WAITING = "waiting"


class Link:
    """The station's only connection."""

    __slots__ = (
        "_chance",
        "_configuration",
        "_effects",
        "_identity",
        "_profile",
        "_refusals",
        "_speed",
        "_timers",
        "_url",
        "problem",
        "state",
    )

    def __init__(
        self, configuration: Configuration, chance: Chance, speed: float, timers: Timers, effects: list[Effect]
    ) -> None:
        self._configuration = configuration
        self._chance = chance
        self._speed = speed
        self._timers = timers
        self._effects = effects
        self._refusals = 0
        self._profile = 0
        """The security profile of the latest attempt."""
        self.state = LinkState.CLOSED
        self.problem = ""
        # A change of these two keys is used from the next boot on (reading A40).
        self._identity = configuration.identity
        self._url = configuration.text("SupervisionUrl")

    @property
    def url(self) -> str:
        """The endpoint as the security profile wants it: 1 is ws, 2 and 3 are wss, 0 is as written (reading A10)."""
        profile = self._configuration.integer("SecurityProfile")
        _scheme, mark, rest = self._url.partition("://")
        if profile == 0 or not mark:
            return self._url
        return ("ws" if profile == 1 else "wss") + mark + rest

    @property
    def uses_credentials(self) -> bool:
        """Whether the security profile sends the identity and the AuthorizationKey."""
        return self._configuration.integer("SecurityProfile") in (1, 2)

    @property
    def refusals(self) -> int:
        """How many attempts and connections ended since the last open one."""
        return self._refusals

    @property
    def is_secure(self) -> bool:
        """Whether the next connection is made over TLS."""
        return self.url.startswith("wss:")

    def open(self, offer: Offer = PLAIN) -> None:
        """Try to connect."""
        if not self._url:
            self.problem = "no SupervisionUrl is set"
            return
        self.state = LinkState.OPENING
        self._profile = self._configuration.integer("SecurityProfile")
        url = station_url(self.url, self._identity)
        self._effects.append(OpenLink(url, self._identity, self._password(), *offer))

    def _password(self) -> bytes | None:
        key = self._configuration.text("AuthorizationKey") if self.uses_credentials else ""
        if not key:
            return None
        try:
            return authorization_password(key)
        except AddressError:
            return key.encode()  # a literal password, which only the option lets in

    def leave_other_profile(self) -> bool:
        """Leave a connection that was accepted with another security profile than the present one (A00.FR.003).

        Whether it was: the profile has changed while the connection was on its way.
        """
        present = self._configuration.integer("SecurityProfile")
        if self._profile == present:
            return False
        self.state = LinkState.OPEN
        self.reconnect(f"accepted with security profile {self._profile}, which is {present} now")
        return True

    def opened(self, now: float) -> None:
        """The supervision accepted the connection."""
        self.state = LinkState.OPEN
        self.problem = ""
        self._refusals = 0
        self._arm_ping(now)

    def refused(self, reason: str, http_status: int | None, now: float) -> None:
        """The connection was not made: wait and try again."""
        if http_status == 401:
            self._effects.append(LogEvent("FailedToAuthenticateAtCentralSystem", reason))
        self._wait(reason, now)

    def closed(self, code: int, reason: str, now: float) -> None:
        """The connection ended."""
        self._timers.stop(Timer.PING)
        self._timers.stop(Timer.PONG_TIMEOUT)
        self._wait(f"closed with {code} {reason}".rstrip(), now)

    def _wait(self, problem: str, now: float) -> None:
        self.state = LinkState.WAITING
        self.problem = problem
        share = self._chance.getrandbits(16) / 65536
        wait_s = (BACK_OFF_LEAST_S + share * BACK_OFF_RANGE_S) * 2 ** min(self._refusals, BACK_OFF_DOUBLINGS)
        self._refusals += 1
        self._timers.set(Timer.RECONNECT, now + wait_s * self._speed)

    def reconnect(self, reason: str) -> None:
        """Leave the present connection, because the credentials or the profile changed."""
        if self.state == LinkState.OPEN:
            self._effects.append(CloseLink(1000, reason))

    # Pings.

    def _arm_ping(self, now: float) -> None:
        interval_s = self._configuration.integer("WebSocketPingInterval")
        if interval_s > 0:
            self._timers.set(Timer.PING, now + interval_s * self._speed)
        else:
            self._timers.stop(Timer.PING)

    def ping_interval_changed(self, now: float) -> None:
        """WebSocketPingInterval has a new value, which holds at once."""
        if self.state == LinkState.OPEN:
            self._arm_ping(now)

    def ping(self, now: float) -> None:
        """WebSocketPingInterval has passed."""
        self._effects.append(SendPing())
        if not self._timers.is_set(Timer.PONG_TIMEOUT):
            self._timers.set(Timer.PONG_TIMEOUT, now + PONG_TIMEOUT_S * self._speed)
        self._arm_ping(now)

    def pong(self) -> None:
        """The connection lives."""
        self._timers.stop(Timer.PONG_TIMEOUT)

    def pong_missing(self) -> None:
        """No pong came in time: the connection is dead though nobody closed it."""
        self._timers.stop(Timer.PING)
        self._effects.append(CloseLink(1002, "no pong"))
