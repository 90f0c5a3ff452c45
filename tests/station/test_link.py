from __future__ import annotations

from math import inf

import pytest

from forecourt.evlink.keys import require_key
from forecourt.evlink.models import find_model
from forecourt.station.commissioning import Commissioning, StationOptions
from forecourt.station.configuration import Configuration
from forecourt.station.effects import CloseLink, Effect, LogEvent, OpenLink, SendPing
from forecourt.station.link import PONG_TIMEOUT_S, Link, LinkState
from forecourt.station.timers import Timer, Timers

KEY = "00112233445566778899AABBCCDDEEFF"


class Dice:
    """A chance that always throws the same."""

    def __init__(self, share: float) -> None:
        self.share = share

    def getrandbits(self, count: int, /) -> int:
        return int(self.share * (1 << count))


class Bench:
    def __init__(
        self,
        *,
        share: float = 0.0,
        speed: float = 1.0,
        keys: dict[str, str] | None = None,
        url: str = "ws://one.example",
    ) -> None:
        self.effects: list[Effect] = []
        self.timers = Timers()
        commissioning = Commissioning("CP-1", url, "EVD1S180TBB", "S-1", "3.5.8803", KEY)
        records = {("key", name): value.encode() for name, value in (keys or {}).items()}
        self.configuration = Configuration(
            commissioning, StationOptions(), find_model("EVD1S180TBB"), records, self.effects
        )
        self.link = Link(self.configuration, Dice(share), speed, self.timers, self.effects)

    def set(self, key: str, value: str) -> None:
        self.configuration.store(require_key(key), value)

    def asked(self) -> list[OpenLink]:
        return [effect for effect in self.effects if isinstance(effect, OpenLink)]


@pytest.mark.parametrize(
    ("url", "profile", "expected"),
    [
        ("ws://one.example/a", "0", "ws://one.example/a/CP-1"),
        ("wss://one.example/a", "0", "wss://one.example/a/CP-1"),
        ("wss://one.example/a/", "1", "ws://one.example/a/CP-1"),
        ("ws://one.example:9000", "2", "wss://one.example:9000/CP-1"),
        ("ws://one.example", "3", "wss://one.example/CP-1"),
    ],
)
def test_link_derives_its_scheme_from_the_profile_but_for_profile_0(url: str, profile: str, expected: str) -> None:
    bench = Bench(url=url, keys={"SecurityProfile": profile})
    bench.link.open()
    assert bench.asked()[0].url == expected
    assert bench.link.state == LinkState.OPENING


def test_link_asks_nobody_when_no_address_is_set() -> None:
    bench = Bench(url="")
    bench.link.open()
    assert bench.asked() == []
    assert bench.link.problem


def test_link_uses_a_new_address_in_the_next_life_only() -> None:
    bench = Bench()
    bench.set("SupervisionUrl", "ws://two.example")
    bench.link.open()
    assert bench.asked()[0].url == "ws://one.example/CP-1"


@pytest.mark.parametrize(("share", "least_s"), [(0.0, 3.0), (0.5, 8.0)])
@pytest.mark.parametrize("speed", [1.0, 60.0])
def test_link_doubles_its_wait_three_times_in_real_seconds(share: float, least_s: float, speed: float) -> None:
    bench = Bench(share=share, speed=speed)
    waits = []
    for _ in range(6):
        bench.link.refused("nobody there", None, 100.0)
        waits.append((bench.timers.next() - 100.0) / speed)
        bench.timers.pop(bench.timers.next())
    assert waits == [least_s * factor for factor in (1, 2, 4, 8, 8, 8)]
    bench.link.opened(0.0)
    bench.link.closed(1006, "", 0.0)
    assert bench.timers.next() == least_s * speed


@pytest.mark.parametrize(("status", "logged"), [(401, True), (403, False), (404, False), (None, False)])
def test_link_logs_refused_credentials_only(status: int | None, logged: bool) -> None:
    bench = Bench()
    bench.link.refused("no", status, 0.0)
    assert bool([effect for effect in bench.effects if isinstance(effect, LogEvent)]) == logged
    assert bench.link.problem == "no"


def test_link_pings_and_gives_up_when_a_pong_is_overdue() -> None:
    bench = Bench(keys={"WebSocketPingInterval": "15"})
    bench.link.opened(0.0)
    assert bench.timers.next() == 15.0
    bench.timers.pop(15.0)
    bench.link.ping(15.0)
    assert isinstance(bench.effects[-1], SendPing)
    assert bench.timers.next() == 30.0
    bench.link.pong()
    bench.timers.pop(30.0)
    bench.link.ping(30.0)
    bench.timers.pop(45.0)
    bench.link.ping(45.0)
    assert bench.timers.next() == 30.0 + PONG_TIMEOUT_S, "the time runs from the first ping without pong"
    bench.timers.pop(50.0)
    bench.link.pong_missing()
    assert isinstance(bench.effects[-1], CloseLink)
    bench.link.closed(1006, "", 51.0)
    assert not bench.timers.is_set(Timer.PING)
    assert not bench.timers.is_set(Timer.PONG_TIMEOUT)


def test_link_takes_a_new_ping_interval_at_once_and_none_for_nought() -> None:
    bench = Bench()
    bench.link.ping_interval_changed(0.0)
    assert bench.timers.next() == inf, "there is no connection to ping"
    bench.link.opened(0.0)
    bench.set("WebSocketPingInterval", "7")
    bench.link.ping_interval_changed(1.0)
    assert bench.timers.next() == 8.0
    bench.set("WebSocketPingInterval", "0")
    bench.link.ping_interval_changed(2.0)
    assert bench.timers.next() == inf


def test_link_leaves_an_open_connection_only() -> None:
    bench = Bench()
    bench.link.reconnect("the password changed")
    assert bench.effects == []
    bench.link.opened(0.0)
    bench.link.reconnect("the password changed")
    assert bench.effects == [CloseLink(1000, "the password changed")]


def test_link_never_shows_the_password_in_its_problem() -> None:
    bench = Bench()
    bench.link.open()
    assert bench.asked()[0].password == bytes.fromhex(KEY)
    bench.link.refused("HTTP 401", 401, 0.0)
    assert KEY not in bench.link.problem
