"""The vendor errors against the section "OCPP Vendor Error Codes", copied here from the guide row by row."""

from __future__ import annotations

import pytest

from forecourt.evlink.faults import FAULTS, Consequence, Fault, Scope, Severity, UnknownFault, find_fault
from forecourt.ocpp.core import ChargePointErrorCode, StopReason

GUIDE = """
ReaderFailure 0x100005 Card reader communication failure alarm
OtherError 0x100007 Insulation warning
InternalError 0x100009 Abnormal SD card of terminal warning
OtherError 0x10000C SECC socket connection fault alarm
. 0x10000F Environment detection board offline alarm
HighTemperature 0x100101 Terminal over-temperature alarm
InternalError 0x100102 Cable connector over-temperature alarm
. 0x100202 Terminal emergency stop is pressed
ConnectorLockFailure 0x100205 Vehicle connector lock control error
GroundFailure 0x100206 Ground error
InternalError 0x100207 Insulation board error
. 0x100208 Output relay control error
OtherError 0x10020A Insulation error
. 0x10020B Power cabinet water level error
. 0x10020C Terminal door open
. 0x10020D High humidity error
. 0x10020E Tilt sensor triggered
PowerMeterFailure 0x10020F Meter failure error
InternalError 0x100210 Communication error with subboard
. 0x100211 Power loss error
. 0x100212 Communication error with power cabinet
OverCurrentFailure 0x100213 Over-current error
InternalError 0x100214 Output over-voltage error
. 0x100216 PLC board offline error
. 0x200001 Power module communication fault alarm
. 0x200002 Power module fault alarm
. 0x200003 PDU relay control fault alarm
. 0x200004 PDU communication fault alarm
OtherError 0x200008 Surge protection alarm
InternalError 0x200101 Power module over-temperature alarm
. 0x200102 PDU over-temperature alarm
. 0x200103 Power control fan communication alarm
. 0x200104 Power control fan failure alarm
. 0x200202 Power cabinet emergency stop is pressed
OtherError 0x200203 Power cabinet water level error
. 0x200204 Power cabinet door open
OverVoltage 0x200206 Input over-voltage error
PowerSwitchFailure 0x200207 Input relay control error
UnderVoltage 0x200208 Input under-voltage error
OtherError 0x200209 Circuit breaker tripped
. 0x20020B Tilt sensor alarm
. 0x20020C Fusing error
InternalError 0xC00000 Power control fan fault
"""
"""A dot stands for a blank cell."""
PRINTED = [line.split(" ", 2) for line in GUIDE.strip().splitlines()]
CONNECTOR_DTCS = "100007 10000C 100102 100205 100206 100207 100208 10020A 10020F 100213 100214 100216"  # reading A14


@pytest.mark.requirement("GUIDE-DTCR-01")
def test_table_holds_the_43_printed_dtcs_in_order_with_their_descriptions() -> None:
    assert len(PRINTED) == 43
    assert [(fault.dtc, fault.description) for fault in FAULTS] == [(dtc, text) for _, dtc, text in PRINTED]


def test_blank_error_code_is_that_of_the_row_above() -> None:
    expected = ""
    for fault, (error_code, _, _) in zip(FAULTS, PRINTED, strict=True):
        expected = expected if error_code == "." else error_code
        assert fault.error_code is ChargePointErrorCode(expected)
        assert fault.printed == (error_code != ".")


def test_error_concerns_the_gun_or_the_station_as_reading_a14_lists() -> None:
    guns = [fault.dtc.removeprefix("0x") for fault in FAULTS if fault.scope is Scope.CONNECTOR]
    assert guns == CONNECTOR_DTCS.split()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.dtc)
def test_middle_byte_tells_whether_an_error_blocks(fault: Fault) -> None:
    blocks = fault.dtc[4:6] == "02" or fault.dtc == "0xC00000"
    assert fault.severity is (Severity.ERROR if blocks else Severity.WARNING)
    assert (fault.consequence in (Consequence.GUN_STOPPED, Consequence.STATION_STOPPED)) == blocks
    if blocks:
        assert (fault.consequence is Consequence.GUN_STOPPED) == (fault.scope is Scope.CONNECTOR)


def test_heat_and_fans_derate_and_module_faults_take_modules_out() -> None:
    derating = [fault.dtc for fault in FAULTS if fault.consequence is Consequence.DERATE]
    assert derating == ["0x100101", "0x100102", "0x200101", "0x200102", "0x200103", "0x200104"]
    fewer = [fault.dtc for fault in FAULTS if fault.consequence is Consequence.MODULES_OUT]
    assert fewer == ["0x200001", "0x200002", "0x200003", "0x200004"]


def test_stop_reason_is_emergency_power_loss_or_other_and_none_for_a_warning() -> None:
    special = {
        "0x100202": StopReason.EmergencyStop,
        "0x200202": StopReason.EmergencyStop,
        "0x100211": StopReason.PowerLoss,
    }
    for fault in FAULTS:
        other = StopReason.Other if fault.severity is Severity.ERROR else None
        assert fault.stop_reason is special.get(fault.dtc, other)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.dtc)
def test_error_fits_a_statusnotification_and_tells_an_operator_what_to_do(fault: Fault) -> None:
    assert len(fault.dtc) <= 50
    assert len(fault.description) <= 50
    assert fault.error_code is not ChargePointErrorCode.NoError
    assert len(fault.advice) > 30
    assert fault.advice.endswith(".")


@pytest.mark.parametrize("spelling", ["0x10020A", "0X10020a", "10020A", " 10020a "])
def test_dtc_is_found_in_any_spelling(spelling: str) -> None:
    assert find_fault(spelling).description == "Insulation error"


def test_unknown_dtc_is_refused_with_near_misses() -> None:
    with pytest.raises(UnknownFault, match="'0x100209' is no vendor error code of the guide; nearest are 0x"):
        find_fault("0x100209")
    with pytest.raises(UnknownFault, match="expected one such as 0x100205"):
        find_fault("overheated")
