"""The screen as one record: what it is made of. What a driver sees when is in the scenarios of the same name."""

from __future__ import annotations

from forecourt.evlink.keys import find_key
from forecourt.evlink.models import MODELS
from forecourt.ocpp.core import AuthorizationStatus
from forecourt.station.authorization import REFUSED_AS
from forecourt.station.display import LETTERS, OPTION_KEYS, REFUSAL_SHOWN_S, Option, Stage
from tests.station_rig import Rig


def test_every_option_but_free_charging_has_a_key_that_exists() -> None:
    assert [option for option, _ in OPTION_KEYS] == [option for option in Option if option is not Option.FREE]
    assert all(find_key(key) for _, key in OPTION_KEYS)


def test_every_gun_of_every_model_has_a_letter() -> None:
    assert max(len(model.outputs) for model in MODELS) <= len(LETTERS)


def test_every_status_but_accepted_has_a_refusal_of_its_own() -> None:
    assert set(REFUSED_AS) == set(AuthorizationStatus) - {AuthorizationStatus.Accepted}
    assert len(set(REFUSED_AS.values())) == len(REFUSED_AS)


def test_looking_changes_nothing() -> None:
    rig = Rig()
    rig.plug()
    before = rig.station.snapshot(rig.now).screen
    deadline = rig.station.next_deadline()
    assert [rig.station.snapshot(rig.now).screen for _ in range(3)] == [before] * 3
    assert rig.station.next_deadline() == deadline
    assert rig.wait(0) == []


def test_refusal_is_shown_for_its_time_without_a_timer() -> None:
    rig = Rig()
    rig.answers["Authorize"] = {"idTagInfo": {"status": "Blocked"}}
    rig.plug()
    deadline = rig.station.next_deadline()
    rig.badge("TAG1")
    assert rig.station.next_deadline() >= deadline
    stages = []
    for _ in range(2):
        gun = rig.station.snapshot(rig.now).screen.gun
        assert gun is not None
        stages.append(gun.stage)
        rig.wait(REFUSAL_SHOWN_S)
    assert stages == [Stage.REFUSED, Stage.AUTHENTICATE]
