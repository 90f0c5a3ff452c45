"""The authorization cache, by the block alone."""

from __future__ import annotations

import pytest

from forecourt.ocpp.core import AuthorizationStatus as Status
from forecourt.ocpp.core import ClearCacheRequest, ClearCacheStatus
from forecourt.station import cache as cache_module
from forecourt.station.cache import Cache
from forecourt.station.effects import DeleteRecord, LogEvent, SaveRecord
from forecourt.station.known_tags import Known
from tests.station_bench import Bench

GOOD = Known(Status.Accepted)
BAD = Known(Status.Blocked)
NOW_S = 1_772_438_400.0


def block(bench: Bench, *, enabled: bool = True) -> Cache:
    """The cache of a station whose records are those of the bench so far."""
    bench.set_key("AuthorizationCacheEnabled", "true" if enabled else "false")
    return Cache(bench.configuration, bench.kept(), bench.effects)


def status(cache: Cache, id_tag: str, clock_s: float = NOW_S) -> Status | None:
    found = cache.find(id_tag, clock_s)
    return None if found is None else found.status


def cached(bench: Bench) -> list[str]:
    return sorted(key for kind, key in bench.kept() if kind == "cache")


def test_cache_keeps_the_latest_word_in_any_case_and_no_save_of_it_gates() -> None:
    bench = Bench()
    cache = block(bench)
    cache.update("Tag1", GOOD, NOW_S)
    cache.update("TAG1", Known(Status.Blocked, None, "P"), NOW_S)
    found = cache.find("tag1", NOW_S)
    assert found is not None
    assert (found.status, found.parentIdTag, len(cache)) == (Status.Blocked, "P", 1)
    saves = [effect for effect in bench.effects if isinstance(effect, SaveRecord) and effect.kind == "cache"]
    assert [save.gates for save in saves] == [False, False]
    assert cached(bench) == ["tag1"]


def test_disabled_cache_learns_nothing_and_knows_nothing() -> None:
    bench = Bench()
    cache = block(bench)
    cache.update("OLD", GOOD, NOW_S)
    bench.set_key("AuthorizationCacheEnabled", "false")
    cache.update("NEW", GOOD, NOW_S)
    assert (status(cache, "OLD"), status(cache, "NEW"), len(cache)) == (None, None, 1)
    cache.switched()
    assert len(cache) == 0
    assert cached(bench) == []


@pytest.mark.parametrize("before", list(Status))
def test_entry_becomes_expired_for_good_even_if_the_clock_goes_back(before: Status) -> None:
    bench = Bench()
    cache = block(bench)
    cache.update("TAG1", Known(before, NOW_S + 60), NOW_S)
    assert status(cache, "TAG1") is before
    assert status(cache, "TAG1", NOW_S + 60) is Status.Expired
    assert status(cache, "TAG1", NOW_S) is Status.Expired
    assert status(block(bench), "TAG1") is Status.Expired


def test_full_cache_drops_the_first_that_is_not_valid_and_else_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "CACHE_LIMIT", 4)
    bench = Bench()
    cache = block(bench)
    cache.update("OLD", GOOD, NOW_S)
    cache.update("ENDS", Known(Status.Accepted, NOW_S + 60), NOW_S)
    cache.update("BAD", BAD, NOW_S)
    cache.update("YOUNG", GOOD, NOW_S)
    for newcomer, dropped in (("N1", "ends"), ("N2", "bad"), ("N3", "old"), ("N4", "young"), ("N5", "n1")):
        cache.update(newcomer, GOOD, NOW_S + 61)
        assert len(cache) == 4
        assert DeleteRecord("cache", dropped) in bench.effects
        assert dropped not in cached(bench)
    assert cached(bench) == ["n2", "n3", "n4", "n5"]


def test_word_about_a_cached_tag_evicts_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "CACHE_LIMIT", 2)
    bench = Bench()
    cache = block(bench)
    for tag in ("A", "B", "A", "B", "A"):
        cache.update(tag, GOOD, NOW_S)
    assert len(cache) == 2
    assert not [effect for effect in bench.effects if isinstance(effect, DeleteRecord)]


def test_next_life_knows_who_is_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "CACHE_LIMIT", 3)
    bench = Bench()
    cache = block(bench)
    for tag in ("Z", "M", "A", "Z"):
        cache.update(tag, GOOD, NOW_S)
    again = block(bench)
    again.update("NEW", GOOD, NOW_S)
    assert cached(bench) == ["a", "new", "z"]
    third = block(bench)
    third.update("NEWER", GOOD, NOW_S)
    assert cached(bench) == ["new", "newer", "z"]


def test_clearing_is_one_gating_save_that_holds_though_no_delete_follows() -> None:
    bench = Bench()
    cache = block(bench)
    for tag in ("A", "B", "C"):
        cache.update(tag, GOOD, NOW_S)
    before = len(bench.effects)
    assert cache.clear_asked(ClearCacheRequest(), 0.0).status is ClearCacheStatus.Accepted
    save = bench.effects[before]
    assert isinstance(save, SaveRecord)
    assert save.gates
    del bench.effects[before + 1 :]
    again = block(bench)
    assert len(again) == 0
    assert cached(bench) == []
    again.update("A", BAD, NOW_S)
    third = block(bench)
    assert (status(third, "A"), len(third)) == (Status.Blocked, 1)


def test_clearing_an_empty_cache_is_accepted_and_saves_nothing() -> None:
    bench = Bench()
    cache = block(bench)
    before = len(bench.effects)
    assert cache.clear_asked(ClearCacheRequest(), 0.0).status is ClearCacheStatus.Accepted
    assert bench.effects[before:] == []


def test_clearing_a_disabled_cache_is_rejected_and_logged() -> None:
    bench = Bench()
    cache = block(bench, enabled=False)
    assert cache.clear_asked(ClearCacheRequest(), 0.0).status is ClearCacheStatus.Rejected
    assert isinstance(bench.effects[-1], LogEvent)


@pytest.mark.parametrize(
    "record",
    [(("cache", "a"), b"{"), (("cache", "a"), b'["Good",null,null,1]'), (("cache_cleared", "place"), b"all")],
)
def test_record_that_can_not_be_read_is_put_aside_alone(record: tuple[tuple[str, str], bytes]) -> None:
    bench = Bench({record[0]: record[1], ("cache", "b"): b'["Accepted",null,null,4]'})
    cache = block(bench)
    assert (len(cache), status(cache, "B")) == (1, Status.Accepted)
    assert [effect.name for effect in bench.effects if isinstance(effect, LogEvent)] == ["Record ignored"]
