"""The world's own record of the wire takes whatever goes over it."""

from __future__ import annotations

import pytest

from forecourt.world.wire import RECEIVED, SENT, Wire


@pytest.mark.parametrize(
    "frame",
    [b'[2,"\xff","Reset",{}]', b"[" * 100_000, b'[{"a":1},"x","Reset",{}]', b'[[],"x",{}]', b'[2.0,"x",{}]', b"2", b""],
)
def test_what_is_no_frame_is_text(frame: bytes) -> None:
    assert Wire().note(1.0, RECEIVED, frame).kind == "text"


def test_an_answer_knows_the_action_that_it_belongs_to() -> None:
    wire = Wire()
    wire.note(1.0, RECEIVED, b'[2,"x","Reset",{"type":"Soft"}]')
    assert wire.note(2.0, SENT, b'[3,"x",{"status":"Accepted"}]').action == "Reset"
