"""What a driver does with the links of its seats: dial, send, close, cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecourt.station.events import LinkRefused

if TYPE_CHECKING:
    from forecourt.runtime.driver import Driver
    from forecourt.runtime.seat import OpenedLink, Seat
    from forecourt.station.effects import CloseLink, OpenLink, SendFrame, SendPing

NETWORK_OFF = "The network is switched off; switch it on to connect."


def open_link(driver: Driver, seat: Seat, effect: OpenLink, now: float) -> None:
    """Dial, in place of what is open or on its way."""
    del now
    cut_link(seat)
    give_up_attempt(seat)
    refusal = None if seat.network_up else NETWORK_OFF
    if refusal is None:
        try:
            context = driver.keys.context(seat.identity, effect)
        except (OSError, ValueError) as error:
            refusal = f"The station's own certificate cannot be used: {error}."
    if refusal is not None:
        driver.loop.call_soon(driver.happen_in_life, seat, seat.life, LinkRefused(refusal))
        return
    seat.attempt = driver.links.connect(
        effect.url, seat, identity=effect.identity, password=effect.password, context=context
    )


def give_up_attempt(seat: Seat) -> bool:
    """Stop a connection on its way; whether there was one. What the link still tells is not heard."""
    attempt, seat.attempt = seat.attempt, None
    if attempt is not None:
        attempt.abort()
    return attempt is not None


def close_link(driver: Driver, seat: Seat, effect: CloseLink, now: float) -> None:
    """Begin the closing handshake."""
    del driver, now
    if seat.link is not None:
        seat.link.close(effect.code, effect.reason)


def cut_link(seat: Seat) -> OpenedLink | None:
    """Abort the open link, if any; nothing is heard of it any more."""
    link = seat.link
    seat.link = None
    if link is not None:
        link.abort()
        seat.forget_frames()
    return link


def send_frame(driver: Driver, seat: Seat, effect: SendFrame, now: float) -> None:
    """Send a message; without a link it is dropped."""
    if seat.link is None:
        return
    if seat.wire is not None:
        seat.wire.add(driver.clock.wall_at(now), ">", effect.frame)
    seat.unanswered += 1
    seat.link.send(effect.frame)


def send_ping(driver: Driver, seat: Seat, effect: SendPing, now: float) -> None:
    """Send a ping on the open link."""
    del driver, effect, now
    if seat.link is not None:
        seat.link.ping()
