"""Every key alive: what is seen to be different when a key has another value.

`ACTS` has a row a key: what is done, and for two values or more what is then seen on the wire, at the meter or on the
screen (`tests/key_looks.py`). A writable key is changed by the supervision through ChangeConfiguration, a read-only one
by the installer after it was refused to the supervision. `HOLDS` are the keys that have one value only: what is seen is
that it is true. `LATER` names the keys whose function is not built, and why. Access, defaults and ranges are in
`test_key_table.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from forecourt.evlink.keys import KEYS, Access, Visibility, find_key
from forecourt.station.commissioning import StationOptions
from tests import key_looks as look
from tests.charging_profiles import default, install
from tests.key_looks import OTHER_PASSWORD, PASSWORD, PAY_A, PAY_B, Scene

if TYPE_CHECKING:
    from collections.abc import Callable


class Row(NamedTuple):
    """One key."""

    key: str
    done: str
    """What is done, once for each value."""
    look: Callable[[Scene, str], Any]
    """Do it on a station whose key has this value, and return what was seen."""
    seen: dict[str, Any]
    """By value of the key."""
    failing_resets: int = 0
    by_installer: bool = False
    """Although it is writable, as the supervision may only raise it."""


ACTS: tuple[Row, ...] = (
    Row(
        "AllowOfflineTxForUnknownId",
        "a badge nobody knows, offline",
        look.offline_stranger,
        {"true": True, "false": False},
    ),
    Row(
        "AuthorizationCacheEnabled",
        "a badge online, and again offline where no stranger may charge",
        look.offline_after_a_session,
        {"true": True, "false": False},
    ),
    Row(
        "AuthorizeRemoteTxRequests",
        "a remote start",
        look.remote_start,
        {"true": ["Authorize", "StartTransaction"], "false": ["StartTransaction"]},
    ),
    Row("ClockAlignedDataInterval", "ten minutes of charging", look.aligned_samples, {"0": 0, "60": 10, "300": 2}),
    Row("ConnectionTimeOut", "a remote start without a car", look.wait_for_the_plug, {"30": 30, "90": 90}),
    Row(
        "GetConfigurationMaxKeys",
        "3, 4 and 201 names are asked for",
        look.ask_for_keys,
        {"3": ["CALLRESULT", "CALLERROR", "CALLERROR"], "200": ["CALLRESULT", "CALLRESULT", "CALLERROR"]},
    ),
    Row("HeartbeatInterval", "ten minutes of silence", look.heartbeats_in_ten_minutes, {"60": 9, "250": 2}),
    Row(
        "LocalAuthorizeOffline",
        "a listed badge, offline where no stranger may charge",
        look.offline_with_a_listed_tag,
        {"true": True, "false": False},
    ),
    Row(
        "LocalPreAuthorize",
        "a listed badge, while the supervision does not answer",
        look.online_with_a_listed_tag,
        {"true": ["StartTransaction"], "false": ["Authorize"]},
    ),
    Row(
        "MeterValuesAlignedData",
        "clock-aligned samples",
        look.aligned_measurands,
        {"SoC": ["SoC"], "Power.Offered,SoC": ["Power.Offered", "SoC"]},
    ),
    Row(
        "MeterValuesAlignedDataMaxLength",
        "lists of 1, 2 and 3 measurands",
        look.longest_measurands("MeterValuesAlignedData"),
        {"1": ["Accepted", "Rejected", "Rejected"], "9": ["Accepted"] * 3},
    ),
    Row(
        "MeterValuesSampledData",
        "periodic samples",
        look.sampled_measurands,
        {"SoC": ["SoC"], "Current.Import": ["Current.Import"]},
    ),
    Row(
        "MeterValuesSampledDataMaxLength",
        "lists of 1, 2 and 3 measurands",
        look.longest_measurands("MeterValuesSampledData"),
        {"2": ["Accepted", "Accepted", "Rejected"], "8": ["Accepted"] * 3},
    ),
    Row("MeterValueSampleInterval", "ten minutes of charging", look.periodic_samples, {"0": 0, "60": 10, "200": 3}),
    Row("MinimumStatusDuration", "a car is plugged in", look.delay_of_a_status, {"0": 0, "25": 25}),
    Row(
        "ResetRetries",
        "a reset, of which two attempts fail",
        look.lives_after_a_reset_that_fails_twice,
        {"1": 1, "2": 2},
        failing_resets=2,
    ),
    Row(
        "StopTransactionOnEVSideDisconnect",
        "the plug is pulled at the car",
        look.pull_the_plug,
        {"true": ["EVDisconnected"], "false": []},
    ),
    Row(
        "StopTransactionOnInvalidId",
        "the answer to StartTransaction says Blocked",
        look.refused_start,
        {"true": ["DeAuthorized"], "false": []},
    ),
    Row(
        "StopTxnAlignedDataMaxLength",
        "lists of 1, 2 and 3 measurands",
        look.longest_measurands("StopTxnAlignedData"),
        {"0": ["Rejected"] * 3, "1": ["Accepted", "Rejected", "Rejected"]},
    ),
    Row(
        "StopTxnSampledDataMaxLength",
        "lists of 1, 2 and 3 measurands",
        look.longest_measurands("StopTxnSampledData"),
        {"1": ["Accepted", "Rejected", "Rejected"], "2": ["Accepted", "Accepted", "Rejected"]},
    ),
    Row("TransactionMessageAttempts", "the supervision cannot process a start", look.transmissions, {"1": 1, "3": 3}),
    Row(
        "TransactionMessageRetryInterval",
        "the supervision cannot process a start",
        look.wait_before_the_repeat,
        {"10": 10, "35": 35},
    ),
    Row("WebSocketPingInterval", "ten minutes of silence", look.pings_in_ten_minutes, {"0": 0, "20": 30, "100": 6}),
    Row("LocalAuthListEnabled", "a list is sent", look.send_a_list, {"true": "Accepted", "false": "NotSupported"}),
    Row(
        "LocalAuthListMaxLength",
        "lists of 2, 3 and 4 tags",
        look.longest_list,
        {"2": ["Accepted", "Failed", "Failed"], "3": ["Accepted", "Accepted", "Failed"]},
    ),
    Row(
        "SendLocalListMaxLength",
        "lists of 2, 3 and 4 tags",
        look.longest_list,
        {"2": ["Accepted", "Failed", "Failed"], "400": ["Accepted"] * 3},
    ),
    Row(
        "ReserveConnectorZeroSupported",
        "any gun is reserved",
        look.reserve_any_gun,
        {"true": "Accepted", "false": "Rejected"},
    ),
    Row(
        "ChargeProfileMaxStackLevel",
        "profiles of the levels 0, 5, 6 and 21",
        look.stack_levels,
        {
            "5": ["Accepted", "Accepted", "Rejected", "Rejected"],
            "20": ["Accepted", "Accepted", "Accepted", "Rejected"],
        },
    ),
    Row(
        "ChargingScheduleMaxPeriods",
        "schedules of 2, 3 and 51 periods",
        look.periods,
        {"2": ["Accepted", "Rejected", "Rejected"], "50": ["Accepted", "Accepted", "Rejected"]},
    ),
    Row(
        "MaxChargingProfilesInstalled",
        "three profiles",
        look.profiles,
        {"2": ["Accepted", "Accepted", "Rejected"], "40": ["Accepted"] * 3},
    ),
    Row(
        "StopTxnAlignedData",
        "a session of two minutes",
        look.data_at_the_end("ClockAlignedDataInterval"),
        {"": set(), "SoC": {"SoC"}},
    ),
    Row(
        "StopTxnSampledData",
        "a session of two minutes",
        look.data_at_the_end("MeterValueSampleInterval"),
        {"": set(), "SoC,Current.Import": {"SoC", "Current.Import"}},
    ),
    Row(
        "AuthorizationKey",
        "the next connection",
        look.password_of_the_next_connection,
        {PASSWORD: PASSWORD, OTHER_PASSWORD: OTHER_PASSWORD},
    ),
    Row(
        "SecurityProfile",
        "the next connection",
        look.next_connection,
        {"0": ("ws", False), "1": ("ws", True), "2": ("wss", True), "3": ("wss", False)},
        by_installer=True,
    ),
    Row(
        "ISO15118PnCEnabled",
        "the list of keys, and a car is plugged in",
        look.keys_of_plug_and_charge,
        {"true": (True, ("plug and charge",)), "false": (False, ())},
    ),
    Row(
        "AuthenticationOCPPMode",
        "a car is plugged in",
        look.tags_asked_for,
        {"true": [], "false": ["SIMTAG"]},
    ),
    Row("DefaultIdTag", "charging for free", look.free_tag, {"SIMTAG": ["SIMTAG"], "HOUSE": ["HOUSE"]}),
    Row(
        "SupervisionUrl",
        "a reboot",
        look.address_after_a_reboot,
        {"ws://one.example/a": "ws://one.example/a", "wss://two.example:1/b": "wss://two.example:1/b"},
    ),
    Row("BoxIdentifier", "a reboot", look.identity_after_a_reboot, {"": "CP-1", "HALL 7": "HALL 7"}),
    Row("ChargeLimitedPower", "two hungry cars", look.taken_by_two, {"80": 80, "180": 180}),
    Row("ConnectorALimitedPower", "a hungry car", look.taken_by_one(1), {"40": 40, "120": 120}),
    Row("ConnectorBLimitedPower", "a hungry car", look.taken_by_one(2), {"40": 40, "120": 120}),
    Row(
        "disconnectedMeterValueSampleInterval",
        "ten minutes of charging offline",
        look.samples_of_ten_minutes_offline,
        {"60": 9, "200": 2},
    ),
    Row("SecurityEventsEnabled", "a reboot", look.security_events_of_a_reboot, {"true": True, "false": False}),
    Row(
        "EnableMeterValuesContainVoltage",
        "samples of a list that names Voltage",
        look.measurands_with_voltage,
        {"true": ["SoC", "Voltage"], "false": ["SoC"]},
    ),
    Row(
        "EnableRemoteStartNoConnectedEV",
        "a remote start without a car",
        look.remote_start_without_a_car,
        {"true": "Accepted", "false": "Rejected"},
    ),
    Row(
        "MacAddressPrefix",
        "a car is plugged in that AutoCharge knows",
        look.automatic_tag,
        {"": ["92D50A693F80"], "VID:": ["VID:92D50A693F80"]},
    ),
    Row("QRcode1", "both guns are shown", look.codes_shown, {"": [None, None], PAY_A: [PAY_A, None]}),
    Row("QRcode2", "both guns are shown", look.codes_shown, {"": [None, None], PAY_B: [None, PAY_B]}),
    Row("QrCodeEnabled", "a car is plugged in", look.options_of("QrCodeEnabled"), {"true": ("qr code",), "false": ()}),
    Row(
        "RFIDEnabled",
        "a badge",
        look.badge,
        {"true": ["Authorize", "StartTransaction"], "false": []},
    ),
    Row(
        "PosEnabled", "a car is plugged in", look.options_of("PosEnabled"), {"true": ("payment terminal",), "false": ()}
    ),
    Row("AppEnabled", "a car is plugged in", look.options_of("AppEnabled"), {"true": ("app",), "false": ()}),
    Row("AutoCharge", "a car is plugged in", look.tags_asked_for, {"true": ["92D50A693F80"], "false": []}),
    Row("FreeCharging", "a car is plugged in", look.tags_asked_for, {"true": ["SIMTAG"], "false": []}),
    Row(
        "CallMsgInOrder",
        "a car is plugged in while an answer is awaited",
        look.calls_beside_one_without_answer,
        {"true": [], "false": ["StatusNotification"]},
    ),
    Row(
        "OfflineTxMsgQueueEnable",
        "a reconnect in a session",
        look.stored_samples_hold_up_a_live_one,
        {"true": True, "false": False},
    ),
    Row(
        "CertificateStoreMaxLength",
        "two roots are installed",
        look.install_two_roots,
        {"1": ["Accepted", "Rejected"], "10": ["Accepted", "Accepted"]},
    ),
    Row(
        "AdditionalRootCertificateCheck",
        "two roots are installed of which none has signed the other",
        look.install_two_roots,
        {"true": ["Accepted", "Rejected"], "false": ["Accepted", "Accepted"]},
    ),
    Row("CpoName", "a certificate is asked for", look.one_request, {"": [], "Alice": ["Alice"], "Bob": ["Bob"]}),
    Row(
        "CertSigningWaitMinimum",
        "a certificate is asked for, which does not come",
        look.requests_in_ten_minutes,
        {"0": ["Somebody"], "60": ["Somebody"] * 2},
    ),
    Row(
        "CertSigningRepeatTimes",
        "a certificate is asked for, which does not come, the first wait being 60 s",
        look.requests_after_a_minute,
        {"0": ["Somebody"] * 2, "2": ["Somebody"] * 4},
    ),
    Row(
        "CertificateSignedMaxChainSize",
        "the certificate that was asked for comes",
        look.certificate_of_the_station,
        {"100": "Rejected", "10000": "Accepted"},
    ),
)


@pytest.mark.parametrize("row", [pytest.param(row, id=row.key) for row in ACTS])
def test_other_value_of_a_key_is_seen(row: Row) -> None:
    key = find_key(row.key)
    assert key is not None
    assert len({str(seen) for seen in row.seen.values()}) == len(row.seen)
    seen = {}
    for value in row.seen:
        scene = Scene(options=StationOptions(failing_resets=row.failing_resets))
        if key.visibility is Visibility.WITH_PLUG_AND_CHARGE:
            scene.change(ISO15118PnCEnabled="true")
        if key.access is Access.RO:
            refused = scene.status_of("ChangeConfiguration", {"key": row.key, "value": value})
            assert refused == "Rejected"
        if key.access is Access.RO or row.by_installer:
            scene.station.set_key(row.key, value)
        else:
            scene.change(**{row.key: value})
        seen[value] = row.look(scene, value)
    assert seen == row.seen


# Keys with one value.


class Truth(NamedTuple):
    """One key that says what is so."""

    key: str
    done: str
    look: Callable[[Scene], str]
    """Return the value that would be true."""


HOLDS: tuple[Truth, ...] = (
    Truth("NumberOfConnectors", "the guns that report their status are counted", look.guns_that_report),
    Truth("ConnectorPhaseRotationMaxLength", "lists of 1 and 2 rotations", look.rotations_taken),
    Truth("ConnectorPhaseRotation", "it is written", look.rotation_written),
    Truth("SupportedFeatureProfiles", "an operation of each profile", look.profiles_that_answer),
    Truth("SupportedFeatureProfilesMaxLength", "an operation of each profile", look.number_of_profiles),
    Truth("UnlockConnectorOnEVSideDisconnect", "the plug is pulled at the car", look.cable_lets_go),
    Truth("ConnectorSwitch3to1PhaseSupported", "profiles for 3 phases and for 1", look.phases_matter),
    Truth("ConnectorAType", "cars of both kinds are plugged in", look.type_by_plug(1)),
    Truth("ConnectorBType", "cars of both kinds are plugged in", look.type_by_plug(2)),
)


@pytest.mark.parametrize("model", ["EVD1S180TBB", "EVD1S180THB"])
@pytest.mark.parametrize("truth", [pytest.param(truth, id=truth.key) for truth in HOLDS])
def test_key_with_one_value_says_what_is_so(truth: Truth, model: str) -> None:
    scene = Scene(model)
    assert truth.look(scene) == scene.read(truth.key)


@pytest.mark.parametrize(("amperes", "answers"), [(False, ["Accepted", "Rejected"]), (True, ["Accepted", "Accepted"])])
def test_chargingscheduleallowedchargingrateunit_is_as_printed_and_watts_alone_count(
    amperes: bool, answers: list[str]
) -> None:
    """The guide prints both units and describes one (reading A23); a tester's option makes the key true."""
    scene = Scene(options=StationOptions(accept_amperes=amperes))
    assert scene.read("ChargingScheduleAllowedChargingRateUnit") == "Current,Power"
    assert scene.status_of("ChangeConfiguration", {"key": UNIT_KEY, "value": "Power"}) == "Rejected"
    scene.session()
    scene.run(60)
    both = [default(1, (0, 30_000)), default(1, (0, 50), chargingRateUnit="A")]
    assert [install(scene.central, profile) for profile in both] == answers


# What is not built.

CONTRACTS = "It speaks of contracts, V2G certificates or EVSE ids in a Plug & Charge session, which is not built yet."

LATER: dict[str, str] = {
    "CertificateSignedMaxChain": "An older key that the guide lists; it is shown and nothing enforces it (A3).",
    "CentralContractValidationAllowed": CONTRACTS,
    "ContractValidationOffline": CONTRACTS,
    "SeccLeafSubjectCommonName": CONTRACTS,
    "SeccLeafSubjectCountry": CONTRACTS,
    "SeccLeafSubjectOrganization": CONTRACTS,
    "ConnectorEvseIds": CONTRACTS,
}
UNIT_KEY = "ChargingScheduleAllowedChargingRateUnit"


def test_every_key_of_the_guide_has_its_place_here() -> None:
    """And one only."""
    placed = [*(row.key for row in ACTS), *(truth.key for truth in HOLDS), *LATER, UNIT_KEY]
    assert sorted(placed) == sorted(key.name for key in KEYS)
    assert len(placed) == 80
