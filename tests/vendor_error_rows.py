"""The 43 vendor errors as the section "OCPP Vendor Error Codes" prints them, typed by hand for the tests.

A blank error code is that of the row above. The rest is reading A14: scope `gun` or `all`, then what the error does:
`warns`, `derates`, takes `1-out` or `2-out` of the power modules, or the reason of the transactions that it ends.
"""

from __future__ import annotations

ROWS = """
0x100005 ReaderFailure        all warns         Card reader communication failure alarm
0x100007 OtherError           gun warns         Insulation warning
0x100009 InternalError        all warns         Abnormal SD card of terminal warning
0x10000C OtherError           gun warns         SECC socket connection fault alarm
0x10000F OtherError           all warns         Environment detection board offline alarm
0x100101 HighTemperature      all derates       Terminal over-temperature alarm
0x100102 InternalError        gun derates       Cable connector over-temperature alarm
0x100202 InternalError        all EmergencyStop Terminal emergency stop is pressed
0x100205 ConnectorLockFailure gun Other         Vehicle connector lock control error
0x100206 GroundFailure        gun Other         Ground error
0x100207 InternalError        gun Other         Insulation board error
0x100208 InternalError        gun Other         Output relay control error
0x10020A OtherError           gun Other         Insulation error
0x10020B OtherError           all Other         Power cabinet water level error
0x10020C OtherError           all Other         Terminal door open
0x10020D OtherError           all Other         High humidity error
0x10020E OtherError           all Other         Tilt sensor triggered
0x10020F PowerMeterFailure    gun Other         Meter failure error
0x100210 InternalError        all Other         Communication error with subboard
0x100211 InternalError        all PowerLoss     Power loss error
0x100212 InternalError        all Other         Communication error with power cabinet
0x100213 OverCurrentFailure   gun Other         Over-current error
0x100214 InternalError        gun Other         Output over-voltage error
0x100216 InternalError        gun Other         PLC board offline error
0x200001 InternalError        all 1-out         Power module communication fault alarm
0x200002 InternalError        all 1-out         Power module fault alarm
0x200003 InternalError        all 2-out         PDU relay control fault alarm
0x200004 InternalError        all 2-out         PDU communication fault alarm
0x200008 OtherError           all warns         Surge protection alarm
0x200101 InternalError        all derates       Power module over-temperature alarm
0x200102 InternalError        all derates       PDU over-temperature alarm
0x200103 InternalError        all derates       Power control fan communication alarm
0x200104 InternalError        all derates       Power control fan failure alarm
0x200202 InternalError        all EmergencyStop Power cabinet emergency stop is pressed
0x200203 OtherError           all Other         Power cabinet water level error
0x200204 OtherError           all Other         Power cabinet door open
0x200206 OverVoltage          all Other         Input over-voltage error
0x200207 PowerSwitchFailure   all Other         Input relay control error
0x200208 UnderVoltage         all Other         Input under-voltage error
0x200209 OtherError           all Other         Circuit breaker tripped
0x20020B OtherError           all Other         Tilt sensor alarm
0x20020C OtherError           all Other         Fusing error
0xC00000 InternalError        all Other         Power control fan fault
"""
TABLE = [line.split(maxsplit=4) for line in ROWS.strip().splitlines()]
"""DTC, error code, scope, what it does, description."""
MILD = ("warns", "derates", "1-out", "2-out")
"""What an error does that leaves statuses and sessions as they are."""
