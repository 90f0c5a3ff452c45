from __future__ import annotations

import asyncio

import pytest

from forecourt.runtime.loop import new_event_loop, run


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
