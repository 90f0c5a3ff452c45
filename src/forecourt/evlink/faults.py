"""The 43 vendor errors of the section "OCPP Vendor Error Codes", in the guide's order, and what each does (A14).

The guide prints a DTC, an error code and a description. Scope, severity and consequence are read out of the pattern of
the DTCs: 0x1xxxxx is the terminal, 0x2xxxxx the power cabinet; a middle byte of 00 or 01 is a warning, where 01 is heat
or a fan and derates; 02 and 0xC00000 block. Faults of modules and of the power distribution unit (0x200001 to 0x200004)
take modules out.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from forecourt.errors import ForecourtError
from forecourt.evlink.fault_advice import ADVICE
from forecourt.evlink.nearest import hint, nearest
from forecourt.ocpp.core import ChargePointErrorCode, StopReason

VENDOR_ID = "Schneider Electric"
"""The vendorId of a StatusNotification with a vendor error, and the chargePointVendor of BootNotification."""


class Scope(StrEnum):
    """What an error concerns."""

    CONNECTOR = "connector"
    """The gun at which it arose."""
    STATION = "station"
    """Connector 0, and with a blocking error every gun."""


class Severity(StrEnum):
    """Whether a status becomes Faulted."""

    WARNING = "warning"
    ERROR = "error"


class Consequence(StrEnum):
    """What happens to the energy."""

    WARNING = "warning"
    """Nothing."""
    DERATE = "derate"
    """Less power than rated."""
    MODULES_OUT = "modules out"
    """Some power modules no longer deliver."""
    GUN_STOPPED = "gun stopped"
    STATION_STOPPED = "station stopped"


ASSUMED_DERATED_SHARE = 0.5
"""What a derating error leaves of the rated power, of the gun or of the station; the guide gives no figure."""


ASSUMED_MODULES_OUT = {"0x200001": 1, "0x200002": 1, "0x200003": 2, "0x200004": 2}
"""How many power modules an error takes out; the guide gives no figure. A module that is silent or broken is one; a
relay of the power distribution unit, or its communication, is a branch of two."""


class Fault(msgspec.Struct, frozen=True, gc=False):
    """One vendor error."""

    dtc: str
    """The diagnostic trouble code as printed, such as 0x100205: the vendorErrorCode."""
    error_code: ChargePointErrorCode
    printed: bool
    """Whether the error code stands in the row itself; a blank cell takes it from the row above."""
    description: str
    """As printed: the info."""
    scope: Scope
    severity: Severity
    consequence: Consequence
    stop_reason: StopReason | None
    """The Reason with which those transactions end that it stops; None for a warning."""
    assumed_modules_out: int
    """Power modules that no longer deliver, see `ASSUMED_MODULES_OUT`."""
    advice: str
    """What an operator does about it, one sentence of our own."""


class UnknownFault(ForecourtError):  # noqa: N818
    """A DTC that is not in the table."""

    def __init__(self, dtc: str) -> None:
        self.dtc = dtc
        near = [_BY_DTC[code].dtc for code in nearest(_normal(dtc), list(_BY_DTC))]
        wanted = hint(near, "expected one such as 0x100205 (`forecourt guide faults` lists all 43)")
        super().__init__(f"{dtc!r} is no vendor error code of the guide; {wanted}.")


def find_fault(dtc: str) -> Fault:
    """The row of a DTC, with or without 0x and in any case; raises `UnknownFault`."""
    if (fault := _BY_DTC.get(_normal(dtc))) is None:
        raise UnknownFault(dtc)
    return fault


def _normal(dtc: str) -> str:
    return dtc.strip().upper().removeprefix("0X")


class _Effect(msgspec.Struct, frozen=True, gc=False):
    severity: Severity
    consequence: Consequence
    stop_reason: StopReason | None = None


_WARN = _Effect(Severity.WARNING, Consequence.WARNING)
_DERATE = _Effect(Severity.WARNING, Consequence.DERATE)
_MODULES = _Effect(Severity.WARNING, Consequence.MODULES_OUT)
_GUN_STOP = _Effect(Severity.ERROR, Consequence.GUN_STOPPED, StopReason.Other)
_ALL_STOP = _Effect(Severity.ERROR, Consequence.STATION_STOPPED, StopReason.Other)
_EMERGENCY = _Effect(Severity.ERROR, Consequence.STATION_STOPPED, StopReason.EmergencyStop)
_DARK = _Effect(Severity.ERROR, Consequence.STATION_STOPPED, StopReason.PowerLoss)
_GUN = Scope.CONNECTOR
_ALL = Scope.STATION

_PRINTED: tuple[tuple[str, str, str, Scope, _Effect], ...] = (
    # error code (blank as printed: that of the row above), DTC, description, scope, what it does
    ("ReaderFailure", "0x100005", "Card reader communication failure alarm", _ALL, _WARN),
    ("OtherError", "0x100007", "Insulation warning", _GUN, _WARN),
    ("InternalError", "0x100009", "Abnormal SD card of terminal warning", _ALL, _WARN),
    ("OtherError", "0x10000C", "SECC socket connection fault alarm", _GUN, _WARN),
    ("", "0x10000F", "Environment detection board offline alarm", _ALL, _WARN),
    ("HighTemperature", "0x100101", "Terminal over-temperature alarm", _ALL, _DERATE),
    ("InternalError", "0x100102", "Cable connector over-temperature alarm", _GUN, _DERATE),
    ("", "0x100202", "Terminal emergency stop is pressed", _ALL, _EMERGENCY),
    ("ConnectorLockFailure", "0x100205", "Vehicle connector lock control error", _GUN, _GUN_STOP),
    ("GroundFailure", "0x100206", "Ground error", _GUN, _GUN_STOP),
    ("InternalError", "0x100207", "Insulation board error", _GUN, _GUN_STOP),
    ("", "0x100208", "Output relay control error", _GUN, _GUN_STOP),
    ("OtherError", "0x10020A", "Insulation error", _GUN, _GUN_STOP),
    ("", "0x10020B", "Power cabinet water level error", _ALL, _ALL_STOP),
    ("", "0x10020C", "Terminal door open", _ALL, _ALL_STOP),
    ("", "0x10020D", "High humidity error", _ALL, _ALL_STOP),
    ("", "0x10020E", "Tilt sensor triggered", _ALL, _ALL_STOP),
    ("PowerMeterFailure", "0x10020F", "Meter failure error", _GUN, _GUN_STOP),
    ("InternalError", "0x100210", "Communication error with subboard", _ALL, _ALL_STOP),
    ("", "0x100211", "Power loss error", _ALL, _DARK),
    ("", "0x100212", "Communication error with power cabinet", _ALL, _ALL_STOP),
    ("OverCurrentFailure", "0x100213", "Over-current error", _GUN, _GUN_STOP),
    ("InternalError", "0x100214", "Output over-voltage error", _GUN, _GUN_STOP),
    ("", "0x100216", "PLC board offline error", _GUN, _GUN_STOP),
    ("", "0x200001", "Power module communication fault alarm", _ALL, _MODULES),
    ("", "0x200002", "Power module fault alarm", _ALL, _MODULES),
    ("", "0x200003", "PDU relay control fault alarm", _ALL, _MODULES),
    ("", "0x200004", "PDU communication fault alarm", _ALL, _MODULES),
    ("OtherError", "0x200008", "Surge protection alarm", _ALL, _WARN),
    ("InternalError", "0x200101", "Power module over-temperature alarm", _ALL, _DERATE),
    ("", "0x200102", "PDU over-temperature alarm", _ALL, _DERATE),
    ("", "0x200103", "Power control fan communication alarm", _ALL, _DERATE),
    ("", "0x200104", "Power control fan failure alarm", _ALL, _DERATE),
    ("", "0x200202", "Power cabinet emergency stop is pressed", _ALL, _EMERGENCY),
    ("OtherError", "0x200203", "Power cabinet water level error", _ALL, _ALL_STOP),
    ("", "0x200204", "Power cabinet door open", _ALL, _ALL_STOP),
    ("OverVoltage", "0x200206", "Input over-voltage error", _ALL, _ALL_STOP),
    ("PowerSwitchFailure", "0x200207", "Input relay control error", _ALL, _ALL_STOP),
    ("UnderVoltage", "0x200208", "Input under-voltage error", _ALL, _ALL_STOP),
    ("OtherError", "0x200209", "Circuit breaker tripped", _ALL, _ALL_STOP),
    ("", "0x20020B", "Tilt sensor alarm", _ALL, _ALL_STOP),
    ("", "0x20020C", "Fusing error", _ALL, _ALL_STOP),
    ("InternalError", "0xC00000", "Power control fan fault", _ALL, _ALL_STOP),
)


def _faults() -> tuple[Fault, ...]:
    """The printed rows with every blank error code filled in from above."""
    faults: list[Fault] = []
    for error_code, dtc, description, scope, effect in _PRINTED:
        faults.append(
            Fault(
                dtc=dtc,
                error_code=ChargePointErrorCode(error_code) if error_code else faults[-1].error_code,
                printed=bool(error_code),
                description=description,
                scope=scope,
                severity=effect.severity,
                consequence=effect.consequence,
                stop_reason=effect.stop_reason,
                assumed_modules_out=ASSUMED_MODULES_OUT.get(dtc, 0),
                advice=ADVICE[dtc],
            )
        )
    return tuple(faults)


FAULTS: tuple[Fault, ...] = _faults()
"""All vendor errors in the guide's order."""

_BY_DTC = {_normal(fault.dtc): fault for fault in FAULTS}
