"""The block that owns the keys' values, by itself. What each key is on the wire is in `tests/scenarios`."""

from __future__ import annotations

import pytest

from forecourt.evlink.keys import ValueRefused, find_key
from forecourt.evlink.models import find_model
from forecourt.ocpp.core import ChangeConfigurationRequest, ConfigurationStatus, GetConfigurationRequest, KeyValue
from forecourt.ocpp.errors import ErrorCode, RemoteError
from forecourt.station import events as happened
from forecourt.station.commissioning import Commissioning, StationOptions
from forecourt.station.configuration import Configuration
from forecourt.station.effects import Effect, LogEvent, OpenLink, SaveRecord
from forecourt.station.station import Station
from forecourt.world.chance import SeededChance
from tests.station_bench import Bench, BenchHardware

KEY = "00112233445566778899aabbccddeeff"


def commissioning(url: str = "ws://csms", identity: str = "CP-1", key: str | None = None) -> Commissioning:
    return Commissioning(identity, url, "EVD1S180THB", "S-1", "3.5.8803", key)


def configuration(
    records: dict[tuple[str, str], bytes] | None = None,
    options: StationOptions | None = None,
    commissioned: Commissioning | None = None,
) -> tuple[Configuration, list[Effect]]:
    effects: list[Effect] = []
    commissioned = commissioned or commissioning()
    made = Configuration(
        commissioned, options or StationOptions(), find_model(commissioned.model), records or {}, effects
    )
    return made, effects


def change(keys: Configuration, name: str, value: str) -> ConfigurationStatus:
    return keys.change(ChangeConfigurationRequest(key=name, value=value))[0]


def test_values_are_read_as_text_numbers_booleans_and_items() -> None:
    keys, _ = configuration()
    assert keys.text("DefaultIdTag") == "SIMTAG"
    assert keys.integer("ConnectionTimeOut") == 120
    assert keys.boolean("RFIDEnabled")
    assert not keys.boolean("AutoCharge")
    assert keys.items("ChargingScheduleAllowedChargingRateUnit") == ("Current", "Power")
    assert keys.items("StopTxnSampledData") == ()
    assert keys.text("ConnectorBType") == "CHAdeMO"


def test_change_saves_one_record_raises_the_version_and_names_the_key() -> None:
    keys, effects = configuration()
    before = keys.version
    status, key = keys.change(ChangeConfigurationRequest(key="connectiontimeout", value="060"))
    assert (status, key) == (ConfigurationStatus.Accepted, find_key("ConnectionTimeOut"))
    assert effects == [SaveRecord("key", "ConnectionTimeOut", b"60")]
    assert keys.version > before
    assert keys.changed() == {"ConnectionTimeOut": "60"}


def test_change_to_the_stored_value_saves_nothing_again() -> None:
    keys, effects = configuration()
    assert change(keys, "ConnectionTimeOut", "60") == change(keys, "ConnectionTimeOut", "60") == "Accepted"
    assert len(effects) == 1


@pytest.mark.parametrize(
    ("name", "value", "status", "why"),
    [
        ("Nonsense", "1", "NotSupported", "a key that this station has now, came 'Nonsense'"),
        ("CpoName", "Forecourt", "NotSupported", "came 'CpoName'"),
        ("NumberOfConnectors", "2", "Rejected", "NumberOfConnectors, which is read-only"),
        ("ConnectionTimeOut", "-1", "Rejected", "from 0 to 31536000 (s), not '-1'"),
        ("StopTxnSampledData", "SoC,Voltage,Power.Offered", "Rejected", "at most 2 items"),
        ("AuthorizationKey", "hunter2", "Rejected", "AuthorizationKey takes 32 to 40 hex digits"),
    ],
)
def test_refused_change_keeps_and_saves_nothing_and_says_why(name: str, value: str, status: str, why: str) -> None:
    keys, effects = configuration()
    before = keys.version
    assert keys.change(ChangeConfigurationRequest(key=name, value=value)) == (ConfigurationStatus(status), None)
    (line,) = effects
    assert isinstance(line, LogEvent)
    assert line.name == "ChangeConfiguration refused"
    assert why in line.detail
    assert "hunter2" not in line.detail  # a secret is not repeated
    assert keys.version == before
    assert keys.changed() == {}


def test_values_of_earlier_lives_come_from_the_records() -> None:
    keys, _ = configuration({("key", "ConnectionTimeOut"): b"33", ("queue", "1"): b"no key"})
    assert keys.integer("ConnectionTimeOut") == 33
    assert keys.changed() == {"ConnectionTimeOut": "33"}


@pytest.mark.parametrize(
    ("name", "data"), [("Nonsense", b"1"), ("ConnectionTimeOut", b"soon"), ("DefaultIdTag", b"\xff")]
)
def test_record_that_can_not_be_a_key_is_put_aside_with_a_line_in_the_log(name: str, data: bytes) -> None:
    keys, effects = configuration({("key", name): data})
    assert [type(effect) for effect in effects] == [LogEvent]
    assert keys.changed() == {}
    assert keys.integer("ConnectionTimeOut") == 120
    assert keys.text("DefaultIdTag") == "SIMTAG"


def test_authenticationocppmode_is_kept_in_the_keys_that_it_stands_for() -> None:
    keys, effects = configuration()
    assert change(keys, "AuthenticationOCPPMode", "false") == "Accepted"
    assert effects == [SaveRecord("key", "FreeCharging", b"true")]
    assert change(keys, "AuthenticationOCPPMode", "true") == "Accepted"
    assert keys.changed() == {"FreeCharging": "false", "RFIDEnabled": "true", "QrCodeEnabled": "true"}


def test_literal_password_is_taken_only_with_its_option() -> None:
    literal = "correct horse battery"
    strict, _ = configuration()
    assert change(strict, "AuthorizationKey", literal) == "Rejected"
    tolerant, _ = configuration(options=StationOptions(literal_authorization_key=True))
    assert change(tolerant, "AuthorizationKey", literal) == "Accepted"
    assert change(tolerant, "AuthorizationKey", KEY) == "Accepted"
    for refused in ("x" * 15, "x" * 41, "line\nbreak in a password"):
        assert change(tolerant, "AuthorizationKey", refused) == "Rejected"


def test_authorizationkey_is_never_shown() -> None:
    keys, _ = configuration(commissioned=commissioning(key=KEY))
    assert change(keys, "AuthorizationKey", KEY[::-1]) == "Accepted"
    assert keys.changed() == {}
    answer = keys.get(GetConfigurationRequest(key=("AuthorizationKey",)))
    assert answer.configurationKey == (KeyValue(key="AuthorizationKey", readonly=False),)


def test_too_many_names_are_an_error_of_the_asker() -> None:
    keys, _ = configuration({("key", "GetConfigurationMaxKeys"): b"3"})
    assert keys.get(GetConfigurationRequest(key=("A", "B", "C"))).unknownKey == ("A", "B", "C")
    with pytest.raises(RemoteError, match="at most 3, came 4") as raised:
        keys.get(GetConfigurationRequest(key=("A", "B", "C", "D")))
    assert raised.value.code is ErrorCode.OccurenceConstraintViolation


def test_keys_of_later_firmware_do_not_exist() -> None:
    old = Commissioning("CP-1", "ws://csms", "EVD1S180THB", "S-1", "3.4.8821")
    keys, _ = configuration(commissioned=old)
    assert change(keys, "FreeCharging", "true") == "NotSupported"
    assert keys.get(GetConfigurationRequest(key=("AutoCharge",))).unknownKey == ("AutoCharge",)
    assert change(keys, "AuthenticationOCPPMode", "false") == "Accepted"
    assert keys.boolean("FreeCharging")


@pytest.mark.parametrize("value", ["-1", "3601", "abc"])
def test_installer_is_told_what_a_key_takes(value: str) -> None:
    keys, _ = configuration()
    key = find_key("disconnectedMeterValueSampleInterval")
    assert key is not None
    with pytest.raises(ValueRefused, match="disconnectedMeterValueSampleInterval takes"):
        keys.check(key, value)


def test_empty_boxidentifier_stands_for_the_commissioned_identity() -> None:
    keys, _ = configuration()
    assert (keys.identity, keys.text("BoxIdentifier")) == ("CP-1", "CP-1")
    assert change(keys, "BoxIdentifier", "CP-9") == "RebootRequired"
    assert keys.identity == "CP-9"
    assert change(keys, "BoxIdentifier", "") == "RebootRequired"
    assert (keys.identity, keys.text("BoxIdentifier")) == ("CP-1", "")


@pytest.mark.requirement("GUIDE-VKEY-03", "GUIDE-VKEY-04")
def test_station_that_nobody_commissioned_has_no_address_and_no_identity_and_does_not_connect() -> None:
    """The printed defaults: SupervisionUrl is not set, BoxIdentifier is empty."""
    station = Station(commissioning("", ""), StationOptions(), BenchHardware(), {}, SeededChance(1))
    effects = station.handle(happened.PowerRestored(1e9), 0.0)
    assert not [effect for effect in effects if isinstance(effect, OpenLink)]
    assert station.snapshot(0.0).link.problem == "no SupervisionUrl is set"
    answer = station.configuration.get(GetConfigurationRequest(key=("SupervisionUrl", "BoxIdentifier")))
    assert answer.configurationKey == (
        KeyValue(key="SupervisionUrl", readonly=False),
        KeyValue(key="BoxIdentifier", readonly=False, value=""),
    )


def test_bench_and_block_agree_on_a_key_that_the_installer_sets() -> None:
    bench = Bench()
    bench.set_key("NumberOfConnectors", "2")
    bench.set_key("MeterValuesSampledDataMaxLength", "1")
    status, _ = bench.configuration.change(
        ChangeConfigurationRequest(key="MeterValuesSampledData", value="SoC,Voltage")
    )
    assert status is ConfigurationStatus.Rejected
