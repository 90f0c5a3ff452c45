"""A station that keeps something of every kind."""

from __future__ import annotations

import struct
import zlib
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from forecourt.station.commissioning import StationOptions
from forecourt.world.scripted import ScriptedSupervision
from forecourt.world.world import START, World
from tests.authorities import OPERATOR, SUPERVISION, Authority

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from forecourt.world.simulated_station import SimulatedStation

    Rich: TypeAlias = Callable[[], tuple[World, SimulatedStation]]

TARIFF = "http://cpo.example/tariff.png"
IMAGE = "http://files.example/firmware.bin"
UPLOADS = "http://files.example/up"


def _picture() -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 94, 52, 8, 0, 0, 0, 0))
    return head + chunk(b"IDAT", zlib.compress(bytes(95 * 52))) + chunk(b"IEND", b"")


def _instruct(world: World, central: ScriptedSupervision) -> None:
    """Everything that a supervision can leave with a station."""
    later = (START + timedelta(days=1)).isoformat()
    listed = [{"idTag": f"LISTED{number}", "idTagInfo": {"status": "Accepted"}} for number in range(3)]
    tariff = f'{{"fileType":"Tariff","type":"file","location":"{TARIFF}","size":{len(_picture())}}}'
    world.files.served[TARIFF] = _picture()
    requests: list[tuple[str, dict[str, object]]] = [
        ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "1234"}),
        ("ChangeConfiguration", {"key": "LocalAuthListEnabled", "value": "true"}),
        ("ChangeConfiguration", {"key": "AuthorizationCacheEnabled", "value": "true"}),
        ("ChangeConfiguration", {"key": "disconnectedMeterValueSampleInterval", "value": "10"}),
        ("SendLocalList", {"listVersion": 7, "updateType": "Full", "localAuthorizationList": listed}),
        ("DataTransfer", {"vendorId": "com.se.tariff", "messageId": "TariffDownload", "data": tariff}),
        ("ReserveNow", {"connectorId": 2, "expiryDate": later, "idTag": "GUEST", "reservationId": 9}),
        ("SetChargingProfile", {"connectorId": 0, "csChargingProfiles": _PROFILE}),
        ("UpdateFirmware", {"location": IMAGE, "retrieveDate": later}),
    ]
    for action, payload in requests:
        central.ask(action, payload)


_PROFILE = {
    "chargingProfileId": 5,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": {
        "chargingRateUnit": "W",
        "startSchedule": START.isoformat(),
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 50_000.0}],
    },
}


def _certify(world: World, central: ScriptedSupervision, station: SimulatedStation) -> None:
    """A root, a certificate of the station's own, and a request for the next one."""
    root = Authority()
    central.answers["SignCertificate"] = {"status": "Accepted"}
    central.ask("InstallCertificate", {"certificateType": SUPERVISION, "certificate": root.pem})
    station.line.server_root = root.pem
    for is_answered in (True, False):
        central.ask("ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"})
        world.run(5)
        if is_answered:
            csr = station.wire.payloads("SignCertificate")[-1]["csr"]
            assert central.ask("CertificateSigned", {"certificateChain": root.sign(csr)}) == {"status": "Accepted"}


def _make() -> tuple[World, SimulatedStation]:
    world = World(central=ScriptedSupervision)
    central = world.central
    assert isinstance(central, ScriptedSupervision)
    station = world.add_station(
        model="EVD1S180TBB",
        options=StationOptions(queue_limit=10),
        keys={"MinimumStatusDuration": "0", "CpoName": OPERATOR},
        authorization_key="00112233445566778899aabbccddeeff",
    )
    world.run(5)
    _instruct(world, central)
    _certify(world, central, station)
    station.fault("0x100101", 0)
    station.plug(1)
    station.badge("FORGOTTEN")
    world.run(30)
    central.ask("ClearCache")
    central.errors["StopTransaction"] = "InternalError"
    station.badge("FORGOTTEN")
    world.run(60)
    central.errors.clear()
    station.unplug(1)
    world.run(5)
    station.plug(1)
    station.badge("DRIVER")
    world.run(45)
    station.badge("DRIVER")
    station.unplug(1)
    world.run(5)
    station.plug(1)
    station.network_down()
    station.badge("DRIVER")
    world.run(45)
    station.network_up()
    world.run_until(lambda: station.is_connected)
    central.silent.add("StartTransaction")
    world.run(2)
    central.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
    world.files.delay_s = 20.0
    central.ask("GetDiagnostics", {"location": UPLOADS, "retries": 0})
    central.ask("GetLog", {"logType": "SecurityLog", "requestId": 3, "log": {"remoteLocation": UPLOADS}})
    central.ask("ChangeConfiguration", {"key": "SecurityProfile", "value": "2"})
    station.network_down()
    world.run(25)
    central.silent.clear()
    return world, station


@pytest.fixture
def rich() -> Rich:
    """Makes a world with a station in the middle of a session without a link, that keeps something of every kind."""
    return _make
