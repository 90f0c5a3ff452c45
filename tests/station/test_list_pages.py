"""The pages of the local list: what holds, what is saved, and what a power cut between any two effects leaves."""

from __future__ import annotations

from itertools import pairwise
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecourt.ocpp.core import AuthorizationStatus as Status
from forecourt.station import list_pages
from forecourt.station.effects import DeleteRecord, Effect, LogEvent, SaveRecord
from forecourt.station.known_tags import Known
from forecourt.station.list_pages import CLEANED_AT_ONCE, KIND, PAGE_LIMIT, Changes, ListPages

GOOD = Known(Status.Accepted)
BAD = Known(Status.Blocked, 1e9, "P")

Model = dict[str, Known]
Records = dict[str, bytes]


def carry_out(records: Records, effects: list[Effect]) -> None:
    for effect in effects:
        if isinstance(effect, SaveRecord):
            assert (effect.kind, effect.gates) == (KIND, True)
            records[effect.key] = effect.data
        elif isinstance(effect, DeleteRecord):
            records.pop(effect.key, None)


def load(records: Records, effects: list[Effect] | None = None) -> ListPages:
    pages = ListPages([] if effects is None else effects)
    pages.restore(sorted(records.items()))
    return pages


def content(pages: ListPages) -> Model:
    return {tag: Known(entry.status, entry.expires_s, entry.parentIdTag) for tag, entry in pages.entries.items()}


class Kept:
    """Pages, a plain dict that does the same, and the records as they are."""

    def __init__(self) -> None:
        self.effects: list[Effect] = []
        self.pages = ListPages(self.effects)
        self.model: Model = {}
        self.records: Records = {}

    def update(self, version: int, changes: Changes, *, full: bool) -> None:
        """Do one update, and look at what a cut after each of its effects would leave."""
        before = (dict(self.model), self.pages.version)
        if full:
            self.model = {tag: known for tag, known in changes.items() if known is not None}
            self.pages.replace(version, changes)
        else:
            for tag, known in changes.items():
                if known is None:
                    self.model.pop(tag, None)
                else:
                    self.model[tag] = known
            self.pages.change(version, changes)
        after = (dict(self.model), version)
        assert content(self.pages) == self.model
        for index, effect in enumerate(self.effects):
            carry_out(self.records, [effect])
            reloaded = load(self.records)
            assert (content(reloaded), reloaded.version) == after, f"cut after effect {index}, {before}"
        self.effects.clear()


known_infos = st.sampled_from([GOOD, BAD, Known(Status.Expired), Known(Status.Accepted, None, "P")])
updates = st.lists(
    st.tuples(
        st.integers(0, 19).map(lambda number: number == 0),
        st.dictionaries(
            st.sampled_from([f"t{n}" for n in range(12)]), st.none() | known_infos, min_size=2, max_size=12
        ),
    ),
    min_size=15,
    max_size=40,
)


@settings(max_examples=40, deadline=None)
@given(updates)
def test_pages_hold_what_a_dict_would_and_every_power_cut_leaves_a_whole_list(
    steps: list[tuple[bool, Changes]],
) -> None:
    """The first effect saves the page with all of the update. Pages are small here, so that many are taken apart."""
    kept = Kept()
    with patch.object(list_pages, "PAGE_LIMIT", 12):
        for version, (full, changes) in enumerate(steps, start=1):
            kept.update(version, _without_none(changes) if full else changes, full=full)
    assert content(load(kept.records)) == kept.model


def _without_none(changes: Changes) -> Changes:
    return {tag: known for tag, known in changes.items() if known is not None}


def test_update_begins_with_the_one_save_that_holds_all_of_it() -> None:
    kept = Kept()
    kept.update(1, {f"t{n}": GOOD for n in range(PAGE_LIMIT)}, full=True)
    for version in range(2, 40):
        changes: Changes = {f"t{n}": BAD if version % 2 else None for n in range(PAGE_LIMIT)}
        kept.pages.change(version, changes)
        first = kept.effects[0]
        assert isinstance(first, SaveRecord)
        assert len(kept.effects) <= 1 + 2 * CLEANED_AT_ONCE
        before = dict(kept.records)
        carry_out(before, [first])
        reloaded = load(before)
        assert (content(reloaded), reloaded.version) == (content(kept.pages), version)
        carry_out(kept.records, kept.effects)
        kept.effects.clear()


def test_small_updates_share_a_page() -> None:
    kept = Kept()
    for n in range(PAGE_LIMIT + 1):
        kept.pages.change(n + 1, {f"t{n}": GOOD})
    carry_out(kept.records, kept.effects)
    assert sorted(kept.records) == ["000000000001", "000000000002"]
    assert load(kept.records).version == PAGE_LIMIT + 1


@pytest.mark.parametrize("size", [1, 7, 150, PAGE_LIMIT])
def test_records_stay_in_proportion_to_the_list_however_often_it_changes(size: int) -> None:
    """Updates that replace the same entries for years must not fill the store, nor lose the others."""
    kept = Kept()
    tags = [f"t{n}" for n in range(2000)]
    for n in range(0, 2000, PAGE_LIMIT):
        kept.pages.change(n + 1, dict.fromkeys(tags[n : n + PAGE_LIMIT], GOOD))
    carry_out(kept.records, kept.effects)
    most_pages = most_effects = 0
    rounds = min(4_000, 20_000 // size)
    for n in range(rounds):
        begin = n * size * 7
        kept.effects.clear()
        kept.pages.change(3000 + n, {tags[(begin + m) % 1500]: BAD if n % 3 else GOOD for m in range(size)})
        most_effects = max(most_effects, len(kept.effects))
        carry_out(kept.records, kept.effects)
        most_pages = max(most_pages, len(kept.records))
    assert most_pages <= 2 * 3 * 2000 / PAGE_LIMIT + CLEANED_AT_ONCE + 2
    assert most_effects <= 1 + 2 * CLEANED_AT_ONCE
    assert content(load(kept.records)) == content(kept.pages)


def test_full_list_leaves_one_page_and_old_pages_that_a_cut_left_are_deleted_at_the_next_boot() -> None:
    kept = Kept()
    for n in range(5):
        kept.pages.change(n + 1, {f"t{n}-{m}": GOOD for m in range(PAGE_LIMIT)})
    carry_out(kept.records, kept.effects)
    kept.effects.clear()
    assert len(kept.records) == 5
    kept.pages.replace(9, {"only": BAD})
    carry_out(kept.records, kept.effects[:3])
    effects: list[Effect] = []
    reloaded = load(kept.records, effects)
    assert content(reloaded) == {"only": BAD}
    assert all(isinstance(effect, DeleteRecord) for effect in effects)
    carry_out(kept.records, effects)
    assert len(kept.records) == 1
    assert content(load(kept.records)) == {"only": BAD}


def test_update_after_a_reboot_goes_on_where_the_life_before_ended() -> None:
    kept = Kept()
    kept.pages.replace(1, {"a": GOOD, "b": GOOD})
    kept.pages.change(2, {"a": None})
    carry_out(kept.records, kept.effects)
    kept.pages = load(kept.records, kept.effects)
    kept.effects.clear()
    kept.model = {"b": GOOD}
    kept.update(3, {"c": BAD}, full=False)
    assert len(kept.records) == 1
    kept.update(4, {f"t{n}": GOOD for n in range(PAGE_LIMIT)}, full=False)
    kept.update(5, {}, full=True)
    assert content(load(kept.records)) == {}


def test_list_with_a_page_that_can_not_be_read_is_dropped_whole() -> None:
    """A page may hold what blocks a tag: half a list would let it charge."""
    kept = Kept()
    kept.pages.change(1, {f"t{n}": GOOD for n in range(PAGE_LIMIT)})
    kept.pages.change(2, {f"t{n}": BAD for n in range(PAGE_LIMIT)})
    carry_out(kept.records, kept.effects)
    for key in list(kept.records):
        broken = {**kept.records, key: b"[1,true"}
        effects: list[Effect] = []
        pages = load(broken, effects)
        assert (content(pages), pages.version) == ({}, 0)
        assert isinstance(effects[0], LogEvent)
        carry_out(broken, effects)
        assert broken == {}


def test_entries_that_say_the_same_are_one_object() -> None:
    pages = ListPages([])
    pages.change(1, {f"t{n}": Known(Status.Accepted) for n in range(PAGE_LIMIT)})
    assert all(one is other for one, other in pairwise(pages.entries.values()))
