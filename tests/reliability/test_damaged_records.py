"""A record whose bytes are not what was written: the next life names it, goes on, and keeps every other record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecourt.station.given_up import KIND as LEDGER
from forecourt.station.given_up import Cause
from forecourt.world.scripted import ScriptedSupervision

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from forecourt.station.snapshot import StationSnapshot
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

    Rich: TypeAlias = Callable[[], tuple[World, SimulatedStation]]
    Records: TypeAlias = dict[tuple[str, str], bytes]

KINDS = (
    "availability",
    "boot",
    "cache",
    "cache_cleared",
    "certificate",
    "certificate-request",
    "errors",
    "firmware",
    "given-up",
    "key",
    "list",
    "profile",
    "queue",
    "report",
    "reservation",
    "root",
    "security",
    "security-profile",
    "tariff",
    "transaction",
    "trust",
    "upload",
)
WITHOUT_CONTENT = ("boot", "trust")
"""A damaged count of lives is drawn anew; that the record of trust is there says all."""

SHOWN: dict[str, Callable[[StationSnapshot], object]] = {
    "availability": lambda seen: seen.inoperative,
    "cache": lambda seen: seen.cachedIdTags,
    "firmware": lambda seen: seen.firmwareUpdate,
    "key": lambda seen: seen.keysChanged,
    "list": lambda seen: seen.localList.entries,
    "profile": lambda seen: seen.chargingProfiles,
    "reservation": lambda seen: seen.reservations,
}
"""What the snapshot shows of a kind that does not change by itself when a life ends."""

NONSENSE = [
    b"null",
    b"true",
    b"[]",
    b"{}",
    b"0",
    b"-1",
    b"7",
    b"99999999999999999999",
    b"-1e300",
    b"1e300",
    b"1e400",
    b'""',
    b'"nonsense"',
    b'"2026-03-02T08:00:00Z"',
    b'"9999-12-31T23:59:59Z"',
    b'"0001-01-01T00:00:00Z"',
    b"[[[[[]]]]]",
    b"\xff\xfe",
    b'"\\ud800"',
]

ASKED: dict[str, dict[str, Any]] = {
    "GetDiagnostics": {"location": "http://files.example/in"},
    "GetLog": {"logType": "SecurityLog", "requestId": 4, "log": {"remoteLocation": "http://files.example/in"}},
}
"""What shows all that a station has."""

mutations = st.one_of(
    st.tuples(st.just("cut"), st.integers(0, 10_000), st.just(b"")),
    st.tuples(st.just("put"), st.integers(0, 10_000), st.binary(min_size=1, max_size=4)),
    st.tuples(st.just("drop"), st.integers(0, 10_000), st.just(b"")),
    st.tuples(st.just("all"), st.just(0), st.binary(max_size=40)),
    st.tuples(st.sampled_from(["all", "leaf", "leaf", "leaf"]), st.integers(0, 10_000), st.sampled_from(NONSENSE)),
)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The places of a JSON value, each as the keys that lead there."""
    found = [path]
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        found += leaves(value[key], (*path, key))
    return found


def with_leaf(data: bytes, place: int, what: bytes) -> bytes:
    """A record that is JSON with another value at one place; any other is replaced as a whole."""
    try:
        value = json.loads(data)
    except ValueError:
        return what
    path = leaves(value)[place % len(leaves(value))]
    if not path:
        return what
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = "@"
    return json.dumps(value).encode().replace(b'"@"', what)


def mutated(data: bytes, mutation: tuple[str, int, bytes]) -> bytes:
    how, place, what = mutation
    if how == "leaf":
        return with_leaf(data, place, what)
    at = place % max(1, len(data))
    if how == "cut":
        return data[:at]
    if how == "drop":
        return data[:at] + data[at + 1 :]
    return data[:at] + what + data[at + len(what) :] if how == "put" else what


@pytest.fixture
def ended(rich: Rich) -> tuple[World, SimulatedStation, StationSnapshot]:
    """A rich station that has lost its power, and what it showed."""
    world, station = rich()
    before = station.snapshot()
    station.cut()
    return world, station, before


def live_on(world: World, station: SimulatedStation) -> None:
    """A life on what the records are now, with a link, long enough for all that it wants to say; then another one."""
    for _ in range(2):
        station.cut()
        station.network_up()
        station.power_on()
        world.run(20)
        if station.is_connected:
            assert isinstance(world.central, ScriptedSupervision)
            for action in ("GetDiagnostics", "GetLog"):
                world.central.ask(action, ASKED[action])
        world.run(20)
        if station.has_power:
            station.snapshot()
            station.workings()


def test_rich_station_keeps_a_record_of_every_kind(
    ended: tuple[World, SimulatedStation, StationSnapshot],
) -> None:
    assert {kind for kind, _ in ended[1].records} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_record_that_can_not_be_read_is_named_and_the_others_hold(
    ended: tuple[World, SimulatedStation, StationSnapshot], kind: str
) -> None:
    world, station, before = ended
    key = next(key for of, key in station.records if of == kind)
    station.records[kind, key] = b"\xff\xfe no record"
    station.power_on()
    named = [line for line in station.log if line.detail.startswith(kind) or kind in line.detail]
    assert named or kind in WITHOUT_CONTENT, station.log
    seen = station.snapshot()
    for other, show in SHOWN.items():
        if other != kind:
            assert show(seen) == show(before), other
    if kind in ("queue", "transaction"):
        assert Cause.UNREADABLE in {row.cause for row in seen.givenUp}
    world.run(60)
    assert station.has_power


@pytest.mark.parametrize("kind", KINDS)
def test_any_damage_to_one_record_never_breaks_a_life(rich: Rich, kind: str) -> None:
    world, station = rich()
    station.cut()
    kept: Records = dict(station.records)
    keys = sorted(key for of, key in kept if of == kind)

    @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data(), mutation=mutations)
    def damage(data: Any, mutation: tuple[str, int, bytes]) -> None:
        key = data.draw(st.sampled_from(keys))
        station.disk.records.clear()
        station.disk.records.update(kept)
        station.records[kind, key] = mutated(kept[kind, key], mutation)
        live_on(world, station)
        others = {(of, each) for of, each in kept if of not in (kind, LEDGER, *PASSING)}
        assert others <= set(station.records)

    damage()


PASSING = (
    "queue",
    "transaction",
    "report",
    "upload",
    "security",
    "errors",
    "security-profile",
    "certificate-request",
)
"""Kinds whose records go by themselves once a life has a link."""


def names(station: SimulatedStation, kind: str) -> list[str]:
    return sorted(key for of, key in station.records if of == kind)


def test_session_whose_start_can_not_be_read_is_ended_with_minus_one(
    ended: tuple[World, SimulatedStation, StationSnapshot],
) -> None:
    """Energy flowed: the supervision hears how much, and the ledger says that it never heard of the start."""
    world, station, _ = ended
    start = names(station, "queue")[0]
    assert b"StartTransaction" in station.records["queue", start]
    station.records["queue", start] = b"\xff"
    station.network_up()
    station.power_on()
    world.run(60)
    stop = station.wire.payloads("StopTransaction")[-1]
    assert stop["transactionId"] == -1
    assert stop["meterStop"] == pytest.approx(station.reading(1).energy_wh, abs=1)
    rows = [row for row in station.snapshot().givenUp if row.cause is Cause.UNREADABLE]
    assert [(row.action, row.transaction) for row in rows] == [("queue", start)]
    assert station.snapshot().queuedMessages == 0


def test_session_whose_own_record_can_not_be_read_is_made_of_its_start(
    ended: tuple[World, SimulatedStation, StationSnapshot],
) -> None:
    world, station, before = ended
    (name,) = names(station, "transaction")
    station.records["transaction", name] = b"[]"
    station.network_up()
    station.power_on()
    world.run(60)
    start, stop = station.wire.payloads("StartTransaction")[-1], station.wire.payloads("StopTransaction")[-1]
    running = before.connectors[0].transaction
    assert running is not None
    assert (start["idTag"], start["meterStart"]) == (running.idTag, running.meterStart)
    assert (stop["transactionId"], stop["reason"]) == (3, "PowerLoss")
    assert stop["meterStop"] == pytest.approx(station.reading(1).energy_wh, abs=1)
    assert {kind for kind, _ in station.records} & {"transaction", "queue"} == set()
