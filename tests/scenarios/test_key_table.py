"""Every configuration key on the wire: name, access, default, and what ChangeConfiguration takes and refuses.

The rows are typed from the guide's three tables, with the readings A1 (blank cells), A2 (commas) and A5 (two tables).
What a key then does is proved in `test_keys.py` and `test_vendor_keys.py`, which name the same requirements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from forecourt.world.scripted import ScriptedSupervision
from forecourt.world.world import World

if TYPE_CHECKING:
    from forecourt.world.simulated_station import SimulatedStation

FIVE = "Current.Import,Current.Offered,Energy.Active.Import.Register,Power.Offered,Power.Active.Import"
EVSE_IDS = "FR*ABC*E1,FR*ABC*E2"
BOOLEAN = ("", "0", "1", "yes", "true,false")
"""What no boolean takes."""
SECONDS = ("", "-1", "1.5", "ten", "60s")
"""What no count or interval takes."""
MEASURANDS = ("Temperature", "SoC,Nonsense", "soc", "SoC,,SoC", "Voltage.L1")
"""What no list of measurands takes."""


class Row(NamedTuple):
    """One line of the guide's tables."""

    proves: str
    """The requirement whose table part this is; empty when the key's function is not built."""
    name: str
    access: str
    default: str | None
    good: tuple[str, ...] = ()
    """Values that are taken and read back as they are."""
    bad: tuple[str, ...] = ()
    """Values that are Rejected and change nothing; of a read-only key every value is."""


STANDARD = (
    Row("GUIDE-KEY-01", "AllowOfflineTxForUnknownId", "RW", "true", ("false", "true"), BOOLEAN),
    Row("", "AuthorizationCacheEnabled", "RW", "false", ("true", "false"), BOOLEAN),
    Row("GUIDE-KEY-03", "AuthorizeRemoteTxRequests", "RW", "true", ("false", "true"), BOOLEAN),
    Row("GUIDE-KEY-04", "ClockAlignedDataInterval", "RW", "0", ("900", "0"), SECONDS),
    Row("GUIDE-KEY-05", "ConnectionTimeOut", "RW", "120", ("30", "600"), SECONDS),
    Row("GUIDE-KEY-06", "GetConfigurationMaxKeys", "RO", "200", (), ("10",)),
    Row("GUIDE-KEY-07", "HeartbeatInterval", "RW", None, ("60", "3600"), SECONDS),
    Row("", "LocalAuthorizeOffline", "RW", "true", ("false", "true"), BOOLEAN),
    Row("", "LocalPreAuthorize", "RW", "false", ("true", "false"), BOOLEAN),
    Row("GUIDE-KEY-10", "MeterValuesAlignedData", "RW", FIVE, ("SoC", "", FIVE), MEASURANDS),
    Row("GUIDE-KEY-11", "MeterValuesAlignedDataMaxLength", "RO", "9", (), ("5",)),
    Row("GUIDE-KEY-12", "MeterValuesSampledData", "RW", FIVE + ",SoC", ("SoC", "", FIVE), MEASURANDS),
    Row("GUIDE-KEY-13", "MeterValuesSampledDataMaxLength", "RO", "8", (), ("5", "9")),
    Row("GUIDE-KEY-14", "MeterValueSampleInterval", "RW", "60", ("15", "0"), SECONDS),
    Row("GUIDE-KEY-15", "MinimumStatusDuration", "RW", "10", ("3", "0"), SECONDS),
    Row("GUIDE-KEY-16", "NumberOfConnectors", "RO", "2", (), ("1", "3")),
    Row("", "ResetRetries", "RW", "2", ("0", "5"), SECONDS),
    Row("GUIDE-KEY-18", "ConnectorPhaseRotationMaxLength", "RO", "1", (), ("2",)),
    Row("GUIDE-KEY-19", "ConnectorPhaseRotation", "RW", "NotApplicable", ("RST", "NotApplicable"), ("RSTN", "", "L1")),
    Row("GUIDE-KEY-20", "StopTransactionOnEVSideDisconnect", "RW", "true", ("false", "true"), BOOLEAN),
    Row("GUIDE-KEY-21", "StopTransactionOnInvalidId", "RW", "true", ("false", "true"), BOOLEAN),
    Row("GUIDE-KEY-22", "StopTxnAlignedDataMaxLength", "RO", "1", (), ("2",)),
    Row("GUIDE-KEY-23", "StopTxnSampledDataMaxLength", "RO", "2", (), ("3",)),
    Row(
        "GUIDE-KEY-24",
        "SupportedFeatureProfiles",
        "RO",
        "Core,FirmwareManagement,LocalAuthListManagement,Reservation,SmartCharging,RemoteTrigger",
        (),
        ("Core",),
    ),
    Row("GUIDE-KEY-25", "SupportedFeatureProfilesMaxLength", "RO", "6", (), ("7",)),
    Row("GUIDE-KEY-26", "TransactionMessageAttempts", "RW", "2", ("5", "1"), SECONDS),
    Row("GUIDE-KEY-27", "TransactionMessageRetryInterval", "RW", "10", ("60", "0"), SECONDS),
    Row("GUIDE-KEY-28", "UnlockConnectorOnEVSideDisconnect", "RW", "false", ("false",), ("true", *BOOLEAN)),
    Row("GUIDE-KEY-29", "WebSocketPingInterval", "RW", "20", ("60", "0"), SECONDS),
    Row("", "LocalAuthListEnabled", "RW", "false", ("true", "false"), BOOLEAN),
    Row("", "LocalAuthListMaxLength", "RO", "100000", (), ("10",)),
    Row("", "SendLocalListMaxLength", "RO", "400", (), ("10",)),
    Row("", "ReserveConnectorZeroSupported", "RO", "true", (), ("false",)),
    Row("", "ChargeProfileMaxStackLevel", "RO", "20", (), ("10",)),
    Row("", "ChargingScheduleMaxPeriods", "RO", "50", (), ("10",)),
    Row("GUIDE-KEY-36", "ConnectorSwitch3to1PhaseSupported", "RO", "false", (), ("true",)),
    Row("", "MaxChargingProfilesInstalled", "RO", "40", (), ("10",)),
    Row("", "ChargingScheduleAllowedChargingRateUnit", "RO", "Current,Power", (), ("Power",)),
    Row("GUIDE-KEY-39", "StopTxnAlignedData", "RW", "", ("SoC", ""), ("SoC,Voltage", *MEASURANDS)),
    Row("GUIDE-KEY-40", "StopTxnSampledData", "RW", "", ("SoC,Voltage", ""), (FIVE, *MEASURANDS)),
    Row("", "CertificateSignedMaxChain", "RO", "1000", (), ("10",)),
    Row("", "CertificateStoreMaxLength", "RO", "10", (), ("20",)),
    Row("", "ISO15118PnCEnabled", "RW", "false", ("true", "false"), BOOLEAN),
)
"""The first table without AuthorizationKey and SecurityProfile, which `test_credential_keys.py` proves."""

VENDOR = (
    Row("GUIDE-VKEY-01", "AuthenticationOCPPMode", "RW", "true", ("false", "true"), BOOLEAN),
    Row("GUIDE-VKEY-02", "DefaultIdTag", "RW", "SIMTAG", ("F", "x" * 20), ("", "x" * 21, "\u00e9t\u00e9", "a\tb")),
    Row("GUIDE-VKEY-05", "ChargeLimitedPower", "RO", "180", (), ("90",)),
    Row("GUIDE-VKEY-06", "ConnectorALimitedPower", "RO", "180", (), ("90",)),
    Row("GUIDE-VKEY-07", "ConnectorBLimitedPower", "RO", "180", (), ("90",)),
    Row("GUIDE-VKEY-08", "ConnectorAType", "RO", "CCS2", (), ("CHAdeMO",)),
    Row("GUIDE-VKEY-09", "ConnectorBType", "RO", "CCS2", (), ("CHAdeMO",)),
    Row(
        "GUIDE-VKEY-10",
        "disconnectedMeterValueSampleInterval",
        "RW",
        "900",
        ("0", "5", "3600"),
        ("1", "4", "3601", *SECONDS),
    ),
    Row("", "SecurityEventsEnabled", "RW", "true", ("false", "true"), BOOLEAN),
    Row("GUIDE-VKEY-12", "EnableMeterValuesContainVoltage", "RW", "false", ("true", "false"), BOOLEAN),
    Row("GUIDE-VKEY-13", "EnableRemoteStartNoConnectedEV", "RW", "true", ("false", "true"), BOOLEAN),
    Row("GUIDE-VKEY-14", "MacAddressPrefix", "RW", "", ("VID:", "12345678", ""), ("123456789", "V\x07")),
    Row("GUIDE-VKEY-15", "QRcode1", "RW", "", ("https://pay.example/1", ""), ("x" * 121,)),
    Row("GUIDE-VKEY-16", "QRcode2", "RW", "", ("https://pay.example/2", ""), ("x" * 121,)),
    Row("GUIDE-VKEY-17", "QrCodeEnabled", "RW", "true", ("false", "true"), BOOLEAN),
    Row("GUIDE-VKEY-18", "RFIDEnabled", "RW", "true", ("false", "true"), BOOLEAN),
    Row("GUIDE-VKEY-19", "PosEnabled", "RW", "false", ("true", "false"), BOOLEAN),
    Row("GUIDE-VKEY-20", "AppEnabled", "RW", "true", ("false", "true"), BOOLEAN),
    Row("GUIDE-VKEY-21", "AutoCharge", "RW", "false", ("true", "false"), BOOLEAN),
    Row("GUIDE-VKEY-22", "FreeCharging", "RW", "false", ("true", "false"), BOOLEAN),
    Row("GUIDE-VKEY-23", "CallMsgInOrder", "RW", "true", ("false", "true"), BOOLEAN),
    Row("GUIDE-VKEY-24", "OfflineTxMsgQueueEnable", "RW", "true", ("false", "true"), BOOLEAN),
)
"""The second table without SupervisionUrl and BoxIdentifier, whose change waits for a reboot: `test_key_rules.py`."""

PLUG_AND_CHARGE = (
    Row("", "CentralContractValidationAllowed", "RW", "false", ("true", "false"), BOOLEAN),
    Row("", "CertificateSignedMaxChainSize", "RO", "10000", (), ("20000",)),
    Row("", "CertSigningWaitMinimum", "RW", "0", ("60", "0"), SECONDS),
    Row("", "CertSigningRepeatTimes", "RW", "0", ("3", "0"), SECONDS),
    Row("", "CertificateStoreMaxLength", "RO", "1000", (), ("10",)),
    Row("", "ContractValidationOffline", "RW", "false", ("true", "false"), BOOLEAN),
    Row("", "SeccLeafSubjectCommonName", "RW", "", ("EVSE-1", ""), ("a\nb",)),
    Row("", "SeccLeafSubjectCountry", "RW", "", ("FR", ""), ("F", "FRA", "F1")),
    Row("", "SeccLeafSubjectOrganization", "RW", "", ("Forecourt", ""), ("a\nb",)),
    Row(
        "GUIDE-PNC-13",
        "ConnectorEvseIds",
        "RW",
        "",
        ("FR*ABC*E1,FR*ABC*E2", ""),
        ("1", "FR*ABC*E1,FR*ABC*E2,FR*ABC*E3"),
    ),
    Row("", "CpoName", "RW", "", ("Forecourt", ""), ("a\nb",)),
    Row("", "AdditionalRootCertificateCheck", "RW", "false", ("true", "false"), BOOLEAN),
)
"""The third table without SecurityProfile, which stands in the first too."""


def parameters(rows: tuple[Row, ...]) -> list[Any]:
    return [
        pytest.param(row, id=row.name, marks=[pytest.mark.requirement(row.proves)] if row.proves else [])
        for row in rows
    ]


def value_of(central: ScriptedSupervision, name: str) -> str:
    (entry,) = central.ask("GetConfiguration", {"key": [name]})["configurationKey"]
    value = entry["value"]
    assert isinstance(value, str)
    return value


def check(central: ScriptedSupervision, row: Row) -> None:
    """A row's whole promise on the wire: read, refuse without a change, change and read back."""
    (entry,) = central.ask("GetConfiguration", {"key": [row.name]})["configurationKey"]
    assert (entry["key"], entry["readonly"]) == (row.name, row.access == "RO")
    assert row.default in (None, entry["value"])
    before = entry["value"]
    for value in row.bad:
        assert central.ask("ChangeConfiguration", {"key": row.name, "value": value}) == {"status": "Rejected"}, value
        assert value_of(central, row.name) == before, value
    for value in row.good:
        assert central.ask("ChangeConfiguration", {"key": row.name, "value": value}) == {"status": "Accepted"}, value
        assert value_of(central, row.name) == value


def scripted_supervision(keys: dict[str, str] | None = None, model: str = "EVD1S180TBB") -> ScriptedSupervision:
    """The supervision of a station whose keys nobody but the installer has touched."""
    world = World(central=ScriptedSupervision)
    world.add_station(model=model, keys=keys)
    world.run(5)
    assert isinstance(world.central, ScriptedSupervision)
    return world.central


@pytest.mark.parametrize("row", parameters(STANDARD))
def test_standard_key_has_its_access_default_and_values(row: Row) -> None:
    check(scripted_supervision(), row)


@pytest.mark.parametrize("row", parameters(VENDOR))
def test_vendor_key_has_its_access_default_and_values(row: Row) -> None:
    check(scripted_supervision(), row)


@pytest.mark.parametrize("row", parameters(PLUG_AND_CHARGE))
def test_plug_and_charge_key_has_its_access_default_and_values(row: Row) -> None:
    check(scripted_supervision({"ISO15118PnCEnabled": "true"}), row)


@pytest.mark.requirement("OCPP-9-2", "OCPP-5.3-4")
def test_read_only_key_reports_so_and_refuses_every_value_even_its_own() -> None:
    """Which keys are read-only comes from the typed rows, in both directions."""
    central = scripted_supervision({"ISO15118PnCEnabled": "true"})
    listed = {entry["key"]: entry for entry in central.ask("GetConfiguration")["configurationKey"]}
    typed = {row.name for row in (*STANDARD, *VENDOR, *PLUG_AND_CHARGE) if row.access == "RO"}
    assert {name for name, entry in listed.items() if entry["readonly"]} == typed
    for name in sorted(typed):
        value = listed[name]["value"]
        assert central.ask("ChangeConfiguration", {"key": name, "value": value}) == {"status": "Rejected"}, name
        assert value_of(central, name) == value


@pytest.mark.requirement("GUIDE-KEYR-01")
def test_full_list_is_the_typed_tables_and_nothing_else() -> None:
    always = {row.name for row in (*STANDARD, *VENDOR)} | {"SecurityProfile", "SupervisionUrl", "BoxIdentifier"}
    hidden = {row.name for row in PLUG_AND_CHARGE} - always
    for switch, expected in (("false", always), ("true", always | hidden)):
        listed = scripted_supervision({"ISO15118PnCEnabled": switch}).ask("GetConfiguration")
        names = [entry["key"] for entry in listed["configurationKey"]]
        assert "unknownKey" not in listed
        assert sorted(names) == sorted(expected)
        assert len(names) == (79 if switch == "true" else 68)


@pytest.mark.requirement("GUIDE-KEYR-06")
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("MeterValuesAlignedData", 5),
        ("MeterValuesSampledData", 6),
        ("SupportedFeatureProfiles", 6),
        ("ChargingScheduleAllowedChargingRateUnit", 2),
        ("ConnectorPhaseRotation", 1),
    ],
)
def test_list_defaults_have_commas_and_no_spaces(name: str, count: int) -> None:
    value = value_of(scripted_supervision(), name)
    assert len(value.split(",")) == count
    assert not set(value) & set(" \t\n;")


@pytest.mark.parametrize(
    ("model", "power_kw", "second"),
    [
        pytest.param("EVD1S60TBB", "60", "CCS2", marks=pytest.mark.requirement("GUIDE-VKEY-05", "GUIDE-VKEY-09")),
        pytest.param("EVD1S150THB", "150", "CHAdeMO", marks=pytest.mark.requirement("GUIDE-VKEY-05", "GUIDE-VKEY-09")),
        pytest.param("EVD2S320TBBC7", "320", "CCS2", marks=pytest.mark.requirement("GUIDE-VKEY-05", "GUIDE-VKEY-08")),
        pytest.param("EVD1S180THBC", "180", "CHAdeMO", marks=pytest.mark.requirement("GUIDE-VKEY-08")),
    ],
)
def test_model_keys_report_the_power_and_the_plugs_of_the_reference(model: str, power_kw: str, second: str) -> None:
    central = scripted_supervision(model=model)
    names = ("ChargeLimitedPower", "ConnectorAType", "ConnectorBType")
    assert [value_of(central, name) for name in names] == [power_kw, "CCS2", second]


def test_station_without_authorization_key_starts_with_what_is_typed(station: SimulatedStation) -> None:
    """All that differs from the defaults is what the fixture and the boot set."""
    assert station.snapshot().keysChanged == {"MinimumStatusDuration": "0", "HeartbeatInterval": "300"}
