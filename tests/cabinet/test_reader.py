"""What the reader tells of a badge."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecourt.cabinet.reader import UidError, id_tag_of_uid
from forecourt.world.scripted import ScriptedSupervision
from forecourt.world.world import World


@pytest.mark.requirement("OCPP-3.9-2")
def test_a_badge_of_bytes_is_asked_for_as_hex_text_with_byte_0_first() -> None:
    world = World(central=ScriptedSupervision)
    station = world.add_station()
    world.run(30)
    station.plug(1)
    station.badge(id_tag_of_uid(bytes([0x04, 0xA2, 0x00, 0x0F])))
    world.run(5)
    assert station.wire.payloads("Authorize") == [{"idTag": "04A2000F"}]


@given(st.sampled_from([4, 7, 10]).flatmap(lambda length: st.binary(min_size=length, max_size=length)))
def test_each_byte_is_two_digits_where_it_stands(uid: bytes) -> None:
    id_tag = id_tag_of_uid(uid)
    assert len(id_tag) == 2 * len(uid) <= 20
    assert [int(id_tag[2 * at : 2 * at + 2], 16) for at in range(len(uid))] == list(uid)


@pytest.mark.parametrize("length", [0, 1, 3, 5, 8, 11])
def test_bytes_that_no_badge_has_are_refused(length: int) -> None:
    with pytest.raises(UidError, match=f"but {length} came"):
        id_tag_of_uid(bytes(length))
