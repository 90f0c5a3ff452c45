"""The configuration keys against the three tables of the chapter "Configuration Keys".

The table below was typed from the guide: blank access cells carry on from above but for the one that reading A1 names,
lists have commas, booleans are lower case, and a value with a slash stands in two tables (A5). `model` says that the
guide leaves the value to the station, `-` that there is none, and `""` that it is empty.
"""

from __future__ import annotations

import pytest

from forecourt.errors import ForecourtError
from forecourt.evlink.generations import Product
from forecourt.evlink.keys import (
    KEYS,
    Access,
    Effect,
    Key,
    KeyType,
    UnknownKey,
    ValueRefused,
    Visibility,
    default_of,
    find_key,
    keys_of,
    listed_keys,
    require_key,
)
from forecourt.evlink.models import MODELS, Model, find_model

STANDARD = """
AllowOfflineTxForUnknownId RW true
AuthorizationCacheEnabled RW false
AuthorizeRemoteTxRequests RW true
ClockAlignedDataInterval RW 0
ConnectionTimeOut RW 120
GetConfigurationMaxKeys RO 200
HeartbeatInterval RW 60
LocalAuthorizeOffline RW true
LocalPreAuthorize RW false
MeterValuesAlignedData RW Current.Import,Current.Offered,Energy.Active.Import.Register,Power.Offered,Power.Active.Import
MeterValuesAlignedDataMaxLength RO 9
MeterValuesSampledData RW \
Current.Import,Current.Offered,Energy.Active.Import.Register,Power.Offered,Power.Active.Import,SoC
MeterValuesSampledDataMaxLength RO 8
MeterValueSampleInterval RW 60
MinimumStatusDuration RW 10
NumberOfConnectors RO 2
ResetRetries RW 2
ConnectorPhaseRotationMaxLength RO 1
ConnectorPhaseRotation RW NotApplicable
StopTransactionOnEVSideDisconnect RW true
StopTransactionOnInvalidId RW true
StopTxnAlignedDataMaxLength RO 1
StopTxnSampledDataMaxLength RO 2
SupportedFeatureProfiles RO \
Core,FirmwareManagement,LocalAuthListManagement,Reservation,SmartCharging,RemoteTrigger
SupportedFeatureProfilesMaxLength RO 6
TransactionMessageAttempts RW 2
TransactionMessageRetryInterval RW 10
UnlockConnectorOnEVSideDisconnect RW false
WebSocketPingInterval RW 20
LocalAuthListEnabled RW false
LocalAuthListMaxLength RO 100000
SendLocalListMaxLength RO 400
ReserveConnectorZeroSupported RO true
ChargeProfileMaxStackLevel RO 20
ChargingScheduleMaxPeriods RO 50
ConnectorSwitch3to1PhaseSupported RO false
MaxChargingProfilesInstalled RO 40
ChargingScheduleAllowedChargingRateUnit RO Current,Power
StopTxnAlignedData RW ""
StopTxnSampledData RW ""
AuthorizationKey W -
SecurityProfile RW 1/0
CertificateSignedMaxChain RO 1000
CertificateStoreMaxLength RO 10/1000
ISO15118PnCEnabled RW false
"""
NON_STANDARD = """
AuthenticationOCPPMode RW true
DefaultIdTag RW SIMTAG
SupervisionUrl RW -
BoxIdentifier RW ""
ChargeLimitedPower RO model
ConnectorALimitedPower RO model
ConnectorBLimitedPower RO model
ConnectorAType RO model
ConnectorBType RO model
disconnectedMeterValueSampleInterval RW 900
SecurityEventsEnabled RW true
EnableMeterValuesContainVoltage RW false
EnableRemoteStartNoConnectedEV RW true
MacAddressPrefix RW ""
QRcode1 RW ""
QRcode2 RW ""
QrCodeEnabled RW true
RFIDEnabled RW true
PosEnabled RW false
AppEnabled RW true
AutoCharge RW false
FreeCharging RW false
CallMsgInOrder RW true
OfflineTxMsgQueueEnable RW true
"""
PLUG_AND_CHARGE = """
CentralContractValidationAllowed RW false
CertificateSignedMaxChainSize RO 10000
CertSigningWaitMinimum RW 0
CertSigningRepeatTimes RW 0
ContractValidationOffline RW false
SeccLeafSubjectCommonName RW ""
SeccLeafSubjectCountry RW ""
SeccLeafSubjectOrganization RW ""
ConnectorEvseIds RW ""
CpoName RW ""
AdditionalRootCertificateCheck RW false
"""
GUIDE = [
    line.split(" ", 2) for table in (STANDARD, NON_STANDARD, PLUG_AND_CHARGE) for line in table.strip().split("\n")
]
MODEL = find_model("EVD1S180THB")


def key(name: str) -> Key:
    found = find_key(name)
    assert found is not None
    return found


def test_table_holds_the_80_printed_names_in_order_with_their_access() -> None:
    assert len(GUIDE) == 80
    assert [(row.name, row.access.value) for row in KEYS] == [(name, access) for name, access, _ in GUIDE]


@pytest.mark.parametrize(("name", "_access", "printed"), GUIDE, ids=[name for name, _, _ in GUIDE])
def test_default_is_the_printed_one(name: str, _access: str, printed: str) -> None:
    reported = default_of(key(name), MODEL)
    if printed == "model":
        assert reported is not None
        assert key(name).default_from_model is not None
    elif name == "SecurityProfile":
        assert {default_of(key(name), MODEL, provisioned=True), reported} == set(printed.split("/"))
    elif name == "CertificateStoreMaxLength":
        assert [reported, default_of(key(name), MODEL, plug_and_charge=True)] == printed.split("/")
    else:
        assert reported == {"-": None, '""': ""}.get(printed, printed)


def test_security_profile_starts_at_1_only_when_delivered_with_a_key() -> None:
    """Reading A5."""
    assert default_of(key("SecurityProfile"), MODEL, provisioned=True) == "1"
    assert default_of(key("SecurityProfile"), MODEL, plug_and_charge=True, provisioned=False) == "0"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.reference)
def test_model_keys_report_what_the_reference_says(model: Model) -> None:
    reported = {
        name: default_of(key(name), model) for name in ("ChargeLimitedPower", "ConnectorAType", "ConnectorBType")
    }
    second = "CHAdeMO" if "THB" in model.reference else "CCS2"
    power = model.reference[5:].split("T")[0]
    assert reported == {"ChargeLimitedPower": power, "ConnectorAType": "CCS2", "ConnectorBType": second}
    limits = [int(default_of(key(f"Connector{gun}LimitedPower"), model) or "0") for gun in "AB"]
    assert limits == list(model.connector_limited_kw)


@pytest.mark.parametrize("row", KEYS, ids=lambda row: row.name)
def test_every_default_is_a_value_that_its_key_takes_unchanged(row: Key) -> None:
    for plug_and_charge in (False, True):
        default = default_of(row, MODEL, plug_and_charge)
        assert default is None or row.check(default) == default


@pytest.mark.parametrize("row", KEYS, ids=lambda row: row.name)
def test_name_is_found_in_any_case_and_fits_the_wire(row: Key) -> None:
    assert find_key(row.name.upper()) is row
    assert find_key(row.name.lower()) is row
    assert len(row.name) <= 50


def test_misspellings_of_the_guide_are_aliases_and_nothing_else_is() -> None:
    aliases = {alias: row.name for row in KEYS for alias in row.aliases}
    assert aliases == {
        "AuthorizationCacheEnable": "AuthorizationCacheEnabled",
        "APPEEnabled": "AppEnabled",
        "ConnectorEvselds": "ConnectorEvseIds",
    }
    for alias, name in aliases.items():
        assert find_key(alias.upper()) is key(name)


def test_unknown_name_is_none_or_refused_with_near_misses() -> None:
    assert find_key("HeartbeatIntervall") is None
    with pytest.raises(UnknownKey, match="nearest is HeartbeatInterval"):
        require_key("HeartbeatIntervall")
    with pytest.raises(UnknownKey, match="lists all 80"):
        require_key("?")


def test_full_list_shows_68_names_without_and_79_with_plug_and_charge() -> None:
    without, with_it = listed_keys(), listed_keys(plug_and_charge=True)
    assert (len(without), len(with_it)) == (68, 79)
    assert key("AuthorizationKey") not in with_it
    assert key("AuthorizationKey") in keys_of()
    hidden = [row.name for row in with_it if row not in without]
    assert hidden == [line.split(" ")[0] for line in PLUG_AND_CHARGE.strip().split("\n")]


def test_older_firmware_lacks_the_new_authentication_keys() -> None:
    new = [row.name for row in keys_of("3.5.8803", plug_and_charge=False)]
    old = [row.name for row in keys_of("3.4.8821", plug_and_charge=False)]
    assert [name for name in new if name not in old] == [
        "ISO15118PnCEnabled",
        "MacAddressPrefix",
        "QRcode1",
        "QRcode2",
        "QrCodeEnabled",
        "RFIDEnabled",
        "PosEnabled",
        "AppEnabled",
        "AutoCharge",
        "FreeCharging",
    ]
    assert "AuthenticationOCPPMode" in old


def test_firmware_without_the_switch_for_plug_and_charge_knows_none_of_its_keys() -> None:
    assert keys_of("3.4.8821", plug_and_charge=True) == keys_of("3.4.8821", plug_and_charge=False)


def test_security_keys_came_later_to_the_pro_dc_180_than_to_the_60() -> None:
    sixty = keys_of("2.6.11", plug_and_charge=False, product=Product.PRO_DC_60)
    older = keys_of("2.6.11", plug_and_charge=False, product=Product.PRO_DC_180)
    assert [row.name for row in sixty if row not in older] == [
        "AuthorizationKey",
        "SecurityProfile",
        "CertificateSignedMaxChain",
        "CertificateStoreMaxLength",
        "SecurityEventsEnabled",
    ]


def test_changes_take_effect_as_reading_a40_says() -> None:
    def names(effect: Effect) -> list[str]:
        return [row.name for row in KEYS if row.effect is effect]

    assert names(Effect.AT_REBOOT) == ["SupervisionUrl", "BoxIdentifier"]
    assert names(Effect.RECONNECT) == ["AuthorizationKey", "SecurityProfile"]
    modes = [row for row in KEYS if row.authentication_mode]
    assert {row.effect for row in modes} == {Effect.NEXT_SESSION}
    assert [row.name for row in modes] == [
        "ISO15118PnCEnabled",
        "QrCodeEnabled",
        "RFIDEnabled",
        "PosEnabled",
        "AppEnabled",
        "AutoCharge",
    ]


def test_only_authorizationkey_is_never_read() -> None:
    assert [row.name for row in KEYS if row.visibility is Visibility.NEVER_READ] == ["AuthorizationKey"]
    assert [row.name for row in KEYS if row.access is Access.W] == ["AuthorizationKey"]


@pytest.mark.parametrize("row", [row for row in KEYS if row.max_items_key], ids=lambda row: row.name)
def test_list_takes_as_many_items_as_its_maxlength_key_says(row: Key) -> None:
    assert row.max_items_key is not None
    assert str(row.max_items) == default_of(key(row.max_items_key), MODEL)


@pytest.mark.parametrize("row", [row for row in KEYS if row.type is KeyType.BOOLEAN], ids=lambda row: row.name)
def test_boolean_takes_false_in_any_case_and_no_other_word(row: Key) -> None:
    assert row.check(" False ") == "false"
    for value in ("", "0", "no", "falsch", "true,false"):
        with pytest.raises(ValueRefused, match=f"{row.name} takes true or false, not {value!r}"):
            row.check(value)


@pytest.mark.parametrize("row", [row for row in KEYS if row.type is KeyType.INTEGER], ids=lambda row: row.name)
def test_integer_takes_its_bounds_and_nothing_beyond(row: Key) -> None:
    assert row.minimum is not None
    assert row.maximum is not None
    assert row.check(f" +00{row.minimum} ") == str(row.minimum)
    assert row.check(str(row.maximum)) == str(row.maximum)
    for value in (
        str(row.minimum - 1),
        str(row.maximum + 1),
        "-1",
        "",
        "ten",
        "1.5",
        "1e3",
        "0x10",
        "1_0",
        "٣",
        "9" * 40,
    ):
        with pytest.raises(ValueRefused, match=f"^{row.name} takes a whole number"):
            row.check(value)


TAKEN = [
    ("AuthorizeRemoteTxRequests", "TRUE", "true"),
    ("HeartbeatInterval", "86400", "86400"),
    ("MeterValueSampleInterval", "0", "0"),
    ("MeterValuesSampledData", " SoC , Voltage", "SoC,Voltage"),
    ("MeterValuesSampledData", "", ""),
    ("StopTxnSampledData", "Energy.Active.Import.Register,SoC", "Energy.Active.Import.Register,SoC"),
    ("ConnectorPhaseRotation", "Not Applicable", "NotApplicable"),
    ("ConnectorPhaseRotation", "0.RST", "0.RST"),
    ("ConnectorPhaseRotation", "Unknown", "Unknown"),
    ("ConnectorPhaseRotation", "TSR", "TSR"),
    ("UnlockConnectorOnEVSideDisconnect", "false", "false"),
    ("disconnectedMeterValueSampleInterval", "0", "0"),
    ("disconnectedMeterValueSampleInterval", "5", "5"),
    ("disconnectedMeterValueSampleInterval", "3600", "3600"),
    ("SupervisionUrl", "wss://csms.example:9000/ocpp", "wss://csms.example:9000/ocpp"),
    ("SupervisionUrl", "ws://[::1]:9000", "ws://[::1]:9000"),
    ("BoxIdentifier", "RDAM|123 a", "RDAM|123 a"),
    ("DefaultIdTag", "A" * 20, "A" * 20),
    ("MacAddressPrefix", "VID:", "VID:"),
    ("MacAddressPrefix", "12345678", "12345678"),
    ("QRcode1", "u" * 120, "u" * 120),
    ("AuthorizationKey", "0001020304050607FFFFFFFFFFFFFFFFFFFFFFFF", "0001020304050607FFFFFFFFFFFFFFFFFFFFFFFF"),
    ("AuthorizationKey", "ab" * 16, "ab" * 16),
    ("SeccLeafSubjectCountry", "FR", "FR"),
    ("SeccLeafSubjectCountry", "", ""),
    ("CpoName", "Énergie & Cie", "Énergie & Cie"),
    ("ConnectorEvseIds", "FR*ABC*E1*1, FR*ABC*E1*2", "FR*ABC*E1*1,FR*ABC*E1*2"),
    ("ConnectorEvseIds", "DEABCE12", "DEABCE12"),
    ("ConnectorBType", "CHAdeMO", "CHAdeMO"),
    ("SecurityProfile", "3", "3"),
]


@pytest.mark.parametrize(("name", "value", "stored"), TAKEN)
def test_key_takes_a_value_in_its_range(name: str, value: str, stored: str) -> None:
    assert key(name).check(value) == stored


REFUSED = [
    ("HeartbeatInterval", "0", "from 1 to"),
    ("HeartbeatInterval", "-60", "from 1 to"),
    ("WebSocketPingInterval", "-1", "from 0 to"),
    ("CertSigningWaitMinimum", "-1", "from 0 to"),
    ("SecurityProfile", "4", "from 0 to 3"),
    ("MeterValuesSampledData", "Temperature", "items out of Current.Import"),
    ("MeterValuesSampledData", "soc", "items out of Current.Import"),
    ("MeterValuesSampledData", "SoC,SoC", "none twice"),
    ("MeterValuesAlignedData", "SoC,", "items out of"),
    ("StopTxnAlignedData", "SoC,Voltage", "at most 1 items"),
    ("StopTxnSampledData", "SoC,Voltage,Power.Offered", "at most 2 items"),
    ("ConnectorPhaseRotation", "RSTR", "order of R, S and T"),
    ("ConnectorPhaseRotation", "3.RST", "order of R, S and T"),
    ("ConnectorPhaseRotation", "", "order of R, S and T"),
    ("ConnectorPhaseRotation", "0.RST,1.RST", "at most 1 items"),
    ("UnlockConnectorOnEVSideDisconnect", "true", "false, as the cable is fixed"),
    ("disconnectedMeterValueSampleInterval", "4", "0, or 5 to 3600"),
    ("disconnectedMeterValueSampleInterval", "3601", "from 0 to 3600"),
    ("disconnectedMeterValueSampleInterval", "-5", "from 0 to 3600"),
    ("SupervisionUrl", "", "ws:// or wss://"),
    ("SupervisionUrl", "http://csms.example", "ws:// or wss://"),
    ("SupervisionUrl", "ws://", "ws:// or wss://"),
    ("SupervisionUrl", "ws://csms.example:99999", "ws:// or wss://"),
    ("SupervisionUrl", "ws://[::1", "ws:// or wss://"),
    ("SupervisionUrl", "ws://user:secret@csms.example", "without user"),
    ("SupervisionUrl", "ws://csms.example/?id=1", "without user, query"),
    ("SupervisionUrl", "ws://csms example", "ws:// or wss://"),
    ("SupervisionUrl", "ws://" + "a" * 251, "at most 255 characters"),
    ("BoxIdentifier", "A:B", "without a colon"),
    ("BoxIdentifier", "A\nB", "printable ASCII"),
    ("BoxIdentifier", "A" * 51, "at most 50 characters"),
    ("DefaultIdTag", "", "1 to 20"),
    ("DefaultIdTag", "A" * 21, "at most 20 characters"),
    ("MacAddressPrefix", "123456789", "at most 8 characters"),
    ("MacAddressPrefix", "V\x00", "printable ASCII"),
    ("QRcode2", "u" * 121, "at most 120 characters"),
    ("QRcode2", "a\x1b[2J", "without control characters"),
    ("AuthorizationKey", "", "32 to 40 hex digits"),
    ("AuthorizationKey", "ab" * 15, "32 to 40 hex digits"),
    ("AuthorizationKey", "ab" * 16 + "a", "an even number"),
    ("AuthorizationKey", "g" * 32, "32 to 40 hex digits"),
    ("AuthorizationKey", "ab" * 21, "at most 40 characters"),
    ("SeccLeafSubjectCountry", "fr", "two capital letters"),
    ("SeccLeafSubjectCountry", "FRA", "at most 2 characters"),
    ("CpoName", "a" * 65, "at most 64 characters"),
    ("ConnectorEvseIds", "E1", "EVSE ids"),
    ("ConnectorEvseIds", "FR*ABC*E1,FR*ABC*E2,FR*ABC*E3", "at most 2 items"),
    ("ConnectorAType", "Type2", "one of CCS2, CHAdeMO"),
    ("CpoName", "x" * 501, "at most 500 characters"),
]


@pytest.mark.parametrize(("name", "value", "sentence"), REFUSED)
def test_key_refuses_a_value_and_says_what_it_takes(name: str, value: str, sentence: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        key(name).check(value)
    assert isinstance(refused.value, ForecourtError)
    assert str(refused.value).startswith(f"{name} takes ")
    assert sentence in str(refused.value)


def test_refusal_of_a_password_does_not_repeat_it() -> None:
    with pytest.raises(ValueRefused) as refused:
        key("AuthorizationKey").check("correct horse battery staple")
    assert "horse" not in str(refused.value)


def test_misspelt_name_checks_like_the_key_it_stands_for() -> None:
    assert require_key("APPEEnabled").check("FALSE") == "false"
