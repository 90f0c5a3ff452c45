"""Which names somebody may have meant."""

from __future__ import annotations

import pytest

from forecourt.evlink.faults import UnknownFault, find_fault
from forecourt.evlink.keys import UnknownKey, require_key
from forecourt.evlink.models import UnknownModel, find_model
from forecourt.evlink.nearest import nearest

NAMES = ("heartbeatinterval", "resetretries", "connectoratype", "connectorbtype", "connectorevseids", "connectors")


def test_misspelt_name_is_recognised_best_first() -> None:
    assert nearest("connectoratyp", NAMES)[:2] == ["connectoratype", "connectorbtype"]


def test_part_of_a_name_is_enough_and_three_are_named_at_most() -> None:
    assert nearest("heartbeat", NAMES) == ["heartbeatinterval"]
    assert len(nearest("connector", NAMES)) == 3


@pytest.mark.parametrize("wanted", ["", "tor", "nothing like it"])
def test_what_resembles_nothing_gets_no_names(wanted: str) -> None:
    assert nearest(wanted, NAMES) == []


def test_refusals_of_keys_models_and_faults_name_what_is_near() -> None:
    with pytest.raises(UnknownKey, match="nearest is HeartbeatInterval"):
        require_key("heartbeat")
    with pytest.raises(UnknownModel, match="nearest are EVD2S240TBB"):
        find_model("evd2s240")
    with pytest.raises(UnknownFault, match="nearest are 0x1002"):
        find_fault("10020")
