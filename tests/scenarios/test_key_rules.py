"""What holds for the keys as a whole: names, aliases, answers, visibility, reboot (OCPP 1.6 5.3, 5.8; A1 to A40)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from forecourt.station.effects import OpenLink

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

HIDDEN = (
    "CentralContractValidationAllowed",
    "CertificateSignedMaxChainSize",
    "CertSigningWaitMinimum",
    "CertSigningRepeatTimes",
    "ContractValidationOffline",
    "SeccLeafSubjectCommonName",
    "SeccLeafSubjectCountry",
    "SeccLeafSubjectOrganization",
    "ConnectorEvseIds",
    "CpoName",
    "AdditionalRootCertificateCheck",
)
"""The keys of the Plug & Charge table that stand in no other."""
ALIASES = {
    "AuthorizationCacheEnable": "AuthorizationCacheEnabled",
    "APPEEnabled": "AppEnabled",
    "ConnectorEvselds": "ConnectorEvseIds",
}
"""As printed, and as meant."""


def change(central: ScriptedSupervision, name: str, value: str) -> str:
    return str(central.ask("ChangeConfiguration", {"key": name, "value": value})["status"])


def entry(central: ScriptedSupervision, name: str) -> dict[str, Any]:
    answer = central.ask("GetConfiguration", {"key": [name]})
    assert "unknownKey" not in answer
    (found,) = answer["configurationKey"]
    assert isinstance(found, dict)
    return found


def full_list(central: ScriptedSupervision) -> dict[str, dict[str, Any]]:
    return {found["key"]: found for found in central.ask("GetConfiguration")["configurationKey"]}


# Reading.


@pytest.mark.requirement("OCPP-5.8-1")
def test_getconfiguration_without_names_returns_all_settings(
    central: ScriptedSupervision, station: SimulatedStation
) -> None:
    empty, missing = central.ask("GetConfiguration", {"key": []}), central.ask("GetConfiguration")
    assert empty == missing
    names = [found["key"] for found in missing["configurationKey"]]
    assert len(set(names)) == len(names) == 68
    by_name = central.ask("GetConfiguration", {"key": names})
    assert by_name == missing


@pytest.mark.requirement("OCPP-5.8-2")
def test_getconfiguration_with_names_returns_them_and_lists_the_unknown(
    central: ScriptedSupervision, station: SimulatedStation
) -> None:
    answer = central.ask("GetConfiguration", {"key": ["NumberOfConnectors", "Nonsense", "LocalPreAuthorize", "Other"]})
    assert answer == {
        "configurationKey": [
            {"key": "NumberOfConnectors", "readonly": True, "value": "2"},
            {"key": "LocalPreAuthorize", "readonly": False, "value": "false"},
        ],
        "unknownKey": ["Nonsense", "Other"],
    }
    assert central.ask("GetConfiguration", {"key": ["Nonsense"]}) == {"unknownKey": ["Nonsense"]}


@pytest.mark.requirement("GUIDE-KEYR-02")
@pytest.mark.parametrize("spell", [str.lower, str.upper, str.swapcase], ids=["lower", "upper", "swapped"])
def test_every_name_is_understood_in_any_case_and_reported_in_its_own(
    central: ScriptedSupervision, station: SimulatedStation, spell: Any
) -> None:
    listed = full_list(central)
    for name, found in listed.items():
        assert entry(central, spell(name)) == found
    assert change(central, spell("ConnectionTimeOut"), "77") == "Accepted"
    assert entry(central, "ConnectionTimeOut")["value"] == "77"


@pytest.mark.requirement("GUIDE-KEYR-03")
@pytest.mark.parametrize(("printed", "meant"), list(ALIASES.items()))
def test_misspelt_name_works_and_is_answered_as_asked_but_never_listed(
    central: ScriptedSupervision, station: SimulatedStation, printed: str, meant: str
) -> None:
    assert change(central, "ISO15118PnCEnabled", "true") == "Accepted"
    assert entry(central, printed) == {**entry(central, meant), "key": printed}
    value = {"false": "true", "true": "false", "": "FR*ABC*E1"}[entry(central, meant)["value"]]
    assert change(central, printed, value) == "Accepted"
    assert entry(central, meant) == {"key": meant, "readonly": False, "value": value}
    assert entry(central, printed) == {"key": printed, "readonly": False, "value": value}
    listed = full_list(central)
    assert meant in listed
    assert printed not in listed


@pytest.mark.requirement("GUIDE-KEYR-04")
@pytest.mark.parametrize(
    "name", ["CertificateSignedMaxChain", "CertificateStoreMaxLength", "CertificateSignedMaxChainSize"]
)
def test_key_marked_r_behaves_like_one_marked_ro(
    central: ScriptedSupervision, station: SimulatedStation, name: str
) -> None:
    assert change(central, "ISO15118PnCEnabled", "true") == "Accepted"
    for of_the_same_kind in (name, "NumberOfConnectors"):
        before = entry(central, of_the_same_kind)
        assert before["readonly"] is True
        assert change(central, of_the_same_kind, "1") == "Rejected"
        assert entry(central, of_the_same_kind) == before


@pytest.mark.requirement("GUIDE-KEYR-05")
@pytest.mark.parametrize(
    ("starred", "plain", "value", "refused"),
    [
        ("DefaultIdTag", "MacAddressPrefix", "VISITOR", "\x07"),
        ("BoxIdentifier", "SeccLeafSubjectOrganization", "CP-99", "\x07"),
    ],
)
def test_asterisk_makes_no_difference(
    central: ScriptedSupervision, station: SimulatedStation, starred: str, plain: str, value: str, refused: str
) -> None:
    """A name with an asterisk in the tables beside one without: read, changed and refused alike, in any case."""
    assert change(central, "ISO15118PnCEnabled", "true") == "Accepted"
    for name in (starred, plain):
        assert entry(central, name.lower())["key"] == name
        assert entry(central, name)["readonly"] is False
        assert change(central, name.upper(), value) in ("Accepted", "RebootRequired")
        assert change(central, name, refused) == "Rejected"
        assert entry(central, name)["value"] == value
        assert name in full_list(central)


# Writing.


@pytest.mark.requirement("OCPP-5.3-1")
def test_change_that_takes_effect_at_once_is_accepted(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert change(central, "WebSocketPingInterval", "3") == "Accepted"
    world.run(10)
    assert station.pings == 3


@pytest.mark.requirement("OCPP-5.3-3")
@pytest.mark.parametrize("name", ["Nonsense", "HeartBeatIntervall", "Supervision Url", "BlinkRepeat", "MessageTimeout"])
def test_change_of_an_unknown_key_is_not_supported(
    central: ScriptedSupervision, station: SimulatedStation, name: str
) -> None:
    before = full_list(central)
    assert change(central, name, "1") == "NotSupported"
    assert full_list(central) == before


@pytest.mark.requirement("OCPP-5.3-4")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NumberOfConnectors", "3"),
        ("TransactionMessageAttempts", "0"),
        ("disconnectedMeterValueSampleInterval", "4"),
        ("HeartbeatInterval", "soon"),
        ("LocalPreAuthorize", "1"),
        ("MeterValuesSampledData", "SoC;Voltage"),
        ("SupervisionUrl", "https://csms.example"),
    ],
)
def test_change_that_was_not_made_is_rejected_and_keeps_the_value(
    central: ScriptedSupervision, station: SimulatedStation, name: str, value: str
) -> None:
    before = entry(central, name)
    assert change(central, name, value) == "Rejected"
    assert entry(central, name) == before


@pytest.mark.requirement("OCPP-5.3-2", "GUIDE-KEYR-07", "GUIDE-VKEY-03")
def test_supervisionurl_is_used_from_the_next_boot_and_nobody_reboots_for_it(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    name, url = "SupervisionUrl", "wss://other.example:4433/csms"
    assert entry(central, name) == {"key": name, "readonly": False, "value": "ws://supervision.example/ocpp"}
    for bad in ("", "http://other.example", "ws://", "wss://user:pw@other.example", "ws://" + "x" * 251):
        assert change(central, name, bad) == "Rejected"
    for length in (255, 29):
        value = url.ljust(length, "x")
        assert change(central, name, value) == "RebootRequired"
        assert entry(central, name)["value"] == value
    world.run(3600)
    assert station.lives == 1
    central.station.close_link()  # a mere reconnect still goes to the old address
    world.run(60)
    assert station.snapshot().link.url == "ws://supervision.example/ocpp"
    assert station.is_connected
    station.reboot()
    world.run(120)
    assert station.lives == 2
    assert station.snapshot().link.url == url
    assert addresses(station) == [*["ws://supervision.example/ocpp/CP-1"] * 2, f"{url}/CP-1"]


@pytest.mark.requirement("OCPP-5.3-2", "GUIDE-KEYR-07", "GUIDE-VKEY-04")
def test_boxidentifier_is_used_from_the_next_boot(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    name = "BoxIdentifier"
    for bad in ("x" * 51, "A:B", "\x07"):
        assert change(central, name, bad) == "Rejected"
    for value in ("x" * 50, "FR 1/Hall"):
        assert change(central, name, value) == "RebootRequired"
        assert entry(central, name) == {"key": name, "readonly": False, "value": value}
    world.run(3600)
    assert station.lives == 1
    station.reboot()
    world.run(120)
    base = "ws://supervision.example/ocpp"
    assert addresses(station) == [f"{base}/CP-1", f"{base}/FR%201%2FHall"]


def test_empty_boxidentifier_leaves_the_station_with_the_identity_of_its_commissioning(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert change(central, "BoxIdentifier", "") == "RebootRequired"
    assert entry(central, "BoxIdentifier")["value"] == ""
    station.reboot()
    world.run(120)
    assert station.is_connected
    assert addresses(station) == ["ws://supervision.example/ocpp/CP-1"] * 2
    assert station.snapshot().identity == "CP-1"


def addresses(station: SimulatedStation) -> list[str]:
    """Where the station connected to, oldest first."""
    return [effect.url for effect in station.effects if isinstance(effect, OpenLink)]


def test_changed_keys_outlive_a_power_cut(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert change(central, "ConnectionTimeOut", "33") == "Accepted"
    assert change(central, "DefaultIdTag", "GUEST") == "Accepted"
    station.cut()
    world.run(10)
    station.power_on()
    world.run(10)
    assert entry(central, "ConnectionTimeOut")["value"] == "33"
    assert entry(central, "DefaultIdTag")["value"] == "GUEST"


@pytest.mark.requirement("OCPP-9-1")
@pytest.mark.parametrize("value", ["true", "false"])
def test_optional_boolean_key_that_is_listed_switches_its_function(
    world: World, central: ScriptedSupervision, station: SimulatedStation, value: str
) -> None:
    """The standard's optional ones: two that may be written, and two by which the station says what it can."""
    assert change(central, "AllowOfflineTxForUnknownId", value) == "Accepted"
    assert change(central, "AuthorizationCacheEnabled", value) == "Accepted"
    station.set_key("ReserveConnectorZeroSupported", value)
    listed = full_list(central)
    for name in ("AllowOfflineTxForUnknownId", "AuthorizationCacheEnabled", "ReserveConnectorZeroSupported"):
        assert listed[name]["value"] == value
    assert listed["ReserveConnectorZeroSupported"]["readonly"] is True
    assert listed["ConnectorSwitch3to1PhaseSupported"] == {
        "key": "ConnectorSwitch3to1PhaseSupported",
        "readonly": True,
        "value": "false",
    }
    is_on = value == "true"
    asked = {"reservationId": 1, "connectorId": 0, "idTag": "T", "expiryDate": "2026-03-03T00:00:00Z"}
    assert central.ask("ReserveNow", asked) == {"status": "Accepted" if is_on else "Rejected"}
    central.ask("CancelReservation", {"reservationId": 1})
    assert central.ask("ClearCache") == {"status": "Accepted" if is_on else "Rejected"}
    central.answers["Authorize"] = {"idTagInfo": {"status": "Blocked"}}
    station.plug(2)
    world.run(5)
    station.badge("TAG1")
    world.run(5)
    assert station.snapshot().cachedIdTags == (1 if is_on else 0)
    station.network_down()
    station.badge("STRANGER")
    world.run(30)
    assert station.status(2) == ("Charging" if is_on else "Preparing")


# Plug & Charge.


@pytest.mark.requirement("GUIDE-PNC-01")
@pytest.mark.parametrize("name", HIDDEN)
def test_key_of_plug_and_charge_is_hidden_while_it_is_off_and_keeps_its_value(
    central: ScriptedSupervision, station: SimulatedStation, name: str
) -> None:
    def is_hidden() -> bool:
        answer = central.ask("GetConfiguration", {"key": [name]})
        listed = name in full_list(central)
        status = change(central, name, "60")
        assert (answer == {"unknownKey": [name]}, not listed, status == "NotSupported") in (
            (True, True, True),
            (False, False, False),
        )
        return not listed

    assert is_hidden()
    assert change(central, "ISO15118PnCEnabled", "true") == "Accepted"
    assert not is_hidden()
    for value in ("true", "7", "FR", "FR*ABC*E7"):
        if change(central, name, value) == "Accepted":
            break
    kept = entry(central, name)
    assert change(central, "ISO15118PnCEnabled", "false") == "Accepted"
    assert is_hidden()
    assert change(central, "ISO15118PnCEnabled", "true") == "Accepted"
    assert entry(central, name) == kept


@pytest.mark.requirement("GUIDE-PNC-02")
@pytest.mark.parametrize("name", ["SecurityProfile", "CertificateStoreMaxLength"])
def test_key_of_both_tables_is_visible_with_and_without_plug_and_charge(
    central: ScriptedSupervision, station: SimulatedStation, name: str
) -> None:
    for value in ("true", "false"):
        assert change(central, "ISO15118PnCEnabled", value) == "Accepted"
        assert name in full_list(central)
        assert entry(central, name)["key"] == name
        assert change(central, name, "nonsense") == "Rejected"


def test_cpo_reads_bigger_certificate_store_with_plug_and_charge(
    central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert entry(central, "CertificateStoreMaxLength")["value"] == "10"
    assert change(central, "ISO15118PnCEnabled", "true") == "Accepted"
    assert entry(central, "CertificateStoreMaxLength")["value"] == "1000"


@pytest.mark.parametrize(("printed", "meant"), [*ALIASES.items(), ("QRcodeEnabled", "QrCodeEnabled")])
def test_installer_reaches_a_key_by_its_printed_name(
    central: ScriptedSupervision, station: SimulatedStation, printed: str, meant: str
) -> None:
    assert change(central, "ISO15118PnCEnabled", "true") == "Accepted"
    value = {"false": "true", "true": "false", "": "FR*ABC*E1"}[entry(central, meant)["value"]]
    station.set_key(printed, value)
    assert entry(central, meant)["value"] == value
