"""Planted bugs in the product: the world finds each within a hundred seeds, and says which rule it breaks.

A world that finds none of them would be too kind to prove anything by its silence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.station import authorization, calls, power, queue, timers, transactions
from forecourt.station.effects import OpenContactor, SaveRecord, SendFrame
from forecourt.station.station import Station
from forecourt.station.timers import Timer
from forecourt.supervision import transactions as of_supervision
from forecourt.world.options import draw_options
from forecourt.world.play import Play
from forecourt.world.shrink import shrink

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecourt.station.effects import Effect

SEEDS = range(7000, 7100)
DAYS = 0.5

Patch = pytest.MonkeyPatch


def change_effects(patch: Patch, change: Callable[[list[Effect]], list[Effect]]) -> None:
    """Let every station want something else."""
    take = Station._take
    patch.setattr(Station, "_take", lambda station: change(take(station)))


def saves_after_sending(patch: Patch) -> None:
    def sent_first(effects: list[Effect]) -> list[Effect]:
        return sorted(effects, key=lambda effect: isinstance(effect, SaveRecord))

    change_effects(patch, sent_first)


def leaves_a_timer_armed(patch: Patch) -> None:
    stop = timers.Timers.stop

    def mostly(self: timers.Timers, timer: int) -> None:
        if timer != Timer.CALL_TIMEOUT:
            stop(self, timer)

    patch.setattr(timers.Timers, "stop", mostly)


def queues_without_order(patch: Patch) -> None:
    add = queue.Queue.add

    def at_the_front(self: queue.Queue, *args: Any, **kwargs: Any) -> None:
        add(self, *args, **kwargs)
        if self._sending is None and len(self._entries) > 1:
            self._entries.appendleft(self._entries.pop())

    patch.setattr(queue.Queue, "add", at_the_front)


def gives_energy_to_everybody(patch: Patch) -> None:
    decide = authorization.Authorization._decide

    def kindly(self: authorization.Authorization, attempt: Any, decision: Any, now: float) -> None:
        decide(self, attempt, msgspec.structs.replace(decision, is_accepted=True), now)

    patch.setattr(authorization.Authorization, "_decide", kindly)


def ignores_limits(patch: Patch) -> None:
    patch.setattr(power.Power, "allow", lambda self, connector, limit_w: None)


def forgets_reservations(patch: Patch) -> None:
    change_effects(
        patch, lambda effects: [e for e in effects if not (isinstance(e, SaveRecord) and e.kind == "reservation")]
    )


def forgets_keys(patch: Patch) -> None:
    change_effects(patch, lambda effects: [e for e in effects if not (isinstance(e, SaveRecord) and e.kind == "key")])


def leaves_the_contactor_closed(patch: Patch) -> None:
    change_effects(patch, lambda effects: [e for e in effects if not isinstance(e, OpenContactor)])


def calls_without_waiting(patch: Patch) -> None:
    patch.setattr(calls.Calls, "is_free", property(lambda self: self._is_open))


def tells_another_status(patch: Patch) -> None:
    def told(effect: Effect) -> Effect:
        if isinstance(effect, SendFrame):
            return SendFrame(effect.frame.replace(b'"status":"Preparing"', b'"status":"Finishing"'))
        return effect

    change_effects(patch, lambda effects: [told(effect) for effect in effects])


def tells_too_much_energy(patch: Patch) -> None:
    register_wh = transactions.register_wh
    patch.setattr(transactions, "register_wh", lambda energy_wh: register_wh(energy_wh * 1.01))


def drops_stops_offline(patch: Patch) -> None:
    """A StopTransaction is thrown away without a word when the link goes."""
    hold = queue.Queue.hold

    def and_drop(self: queue.Queue) -> None:
        hold(self)
        if self._entries and self._entries[-1].action == "StopTransaction":
            self._entries.pop()

    patch.setattr(queue.Queue, "hold", and_drop)


def gives_up_in_silence(patch: Patch) -> None:
    """What it gives up it does not write down."""
    change_effects(
        patch, lambda effects: [e for e in effects if not (isinstance(e, SaveRecord) and e.kind == "given-up")]
    )


def counts_repeats_twice(patch: Patch) -> None:
    """A bug of the supervision: a StartTransaction that comes again is another transaction."""
    patch.setattr(of_supervision, "start_key", lambda request: (object(), request.idTag))


def never_tries_again(patch: Patch) -> None:
    set_timer = timers.Timers.set

    def mostly(self: timers.Timers, timer: int, at: float) -> None:
        if timer != Timer.RECONNECT:
            set_timer(self, timer, at)

    patch.setattr(timers.Timers, "set", mostly)


MUTANTS: tuple[tuple[Callable[[Patch], None], set[str]], ...] = (
    # the bug, the rules by which it may be found first
    (saves_after_sending, {"durable before it leaves"}),
    (leaves_a_timer_armed, {"nothing breaks"}),
    (queues_without_order, {"exactly once"}),
    (gives_energy_to_everybody, {"no energy without authorization"}),
    (ignores_limits, {"limits kept"}),
    (forgets_reservations, {"no lost reservation", "records equal after a restart"}),
    (forgets_keys, {"records equal after a restart"}),
    (leaves_the_contactor_closed, {"no energy without authorization"}),
    (calls_without_waiting, {"one CALL at a time"}),
    (tells_another_status, {"statuses by the matrix"}),
    (tells_too_much_energy, {"exactly once"}),
    (drops_stops_offline, {"exactly once", "everything settles", "records equal after a restart"}),
    (gives_up_in_silence, {"exactly once"}),
    (counts_repeats_twice, {"exactly once"}),
    (never_tries_again, {"everything settles"}),
)


@pytest.mark.parametrize(("plant", "rules"), MUTANTS, ids=[plant.__name__ for plant, _ in MUTANTS])
def test_world_finds_a_station_or_supervision_that(
    plant: Callable[[Patch], None], rules: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    for seed in SEEDS:
        verdict = Play(draw_options(seed, DAYS, 1)).perform()
        if verdict.rule is not None:
            assert verdict.rule in rules, verdict.sentence
            return
    raise AssertionError(f"{len(SEEDS)} seeds found nothing")


def test_shrinking_keeps_the_rule_and_leaves_out_what_has_no_part_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ignores_limits(monkeypatch)
    verdicts = (Play(draw_options(seed, 1.0, 2)).perform() for seed in SEEDS)
    found = next(verdict for verdict in verdicts if verdict.rule == "limits kept")
    smaller = shrink(found)
    assert smaller.rule == "limits kept"
    assert smaller.options.days < found.options.days
    assert "limit" in smaller.happened
    assert len(smaller.happened) < len(found.happened) / 2
    assert sum(smaller.happened.values()) < 20
