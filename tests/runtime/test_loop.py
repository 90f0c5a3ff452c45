from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from forecourt.runtime.loop import collect_seldom, new_event_loop, run


def test_run_returns_what_the_program_returns_and_uses_the_fast_loop() -> None:
    async def program() -> type:
        return type(asyncio.get_running_loop())

    loop = new_event_loop()
    loop.close()
    assert run(program()) is type(loop)


def test_run_lets_the_program_tidy_up_and_raises_what_it_raises() -> None:
    tidied: list[bool] = []

    async def program() -> None:
        try:
            raise LookupError("gone")
        finally:
            await asyncio.sleep(0)
            tidied.append(True)

    with pytest.raises(LookupError, match="gone"):
        run(program())
    assert tidied == [True]


def test_collect_seldom_clears_what_is_there_and_still_finds_cycles_later() -> None:
    class Knot:
        pass

    def tie() -> weakref.ref[Knot]:
        knot = Knot()
        knot.itself = knot  # type: ignore[attr-defined]
        return weakref.ref(knot)

    thresholds = gc.get_threshold()
    try:
        before = tie()
        collect_seldom()
        assert before() is None
        assert gc.get_threshold()[0] > thresholds[0]
        after = tie()
        gc.collect()
        assert after() is None
    finally:
        gc.set_threshold(*thresholds)
