"""Requests for signed updates, and what stations of a world tell of them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from forecourt.evlink.firmware_image import encode_image
from forecourt.evlink.generations import Product
from forecourt.station.effects import FetchFile
from forecourt.station.firmware import ASSUMED_INSTALL_S, ASSUMED_NOTICE_S
from forecourt.world.world import START
from tests.firmware_signing import Manufacturer, Signer

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

URL = "https://files.example/firmware.bin"
ACTION = "SignedFirmwareStatusNotification"
SECURITY = "SecurityEventNotification"
OLD, NEW = "3.5.8803", "3.6.0"
IMAGE = encode_image(Product.PRO_DC_180, NEW, b"what is installed" * 50)
WORKS = Manufacturer()
SIGNER = WORKS.issue()
TO_VERIFIED = ["Downloading", "Downloaded", "SignatureVerified"]
WHOLE = [*TO_VERIFIED, "Installing", "InstallRebooting", "Installed"]
UPDATE_S = ASSUMED_INSTALL_S + ASSUMED_NOTICE_S + 120.0
"""A whole update of an idle station, reboot included."""


def at(seconds: float) -> str:
    """A moment of the world as text."""
    return (START + timedelta(seconds=seconds)).isoformat()


def install_root(central: ScriptedSupervision, root: Manufacturer = WORKS) -> None:
    request = {"certificateType": "ManufacturerRootCertificate", "certificate": root.pem}
    assert central.ask("InstallCertificate", request) == {"status": "Accepted"}


def signed(
    data: bytes = IMAGE, signer: Signer = SIGNER, *, url: str = URL, when: str = at(0), request: int = 7, **fields: Any
) -> dict[str, Any]:
    """A request; `install` is its installDateTime, `signature` another than that of the data, the rest is besides."""
    firmware = {
        "location": url,
        "retrieveDateTime": when,
        "signingCertificate": signer.pem,
        "signature": fields.pop("signature", None) or signer.sign(data),
    }
    if "install" in fields:
        firmware["installDateTime"] = fields.pop("install")
    return {"requestId": request, "firmware": firmware, **fields}


def update(central: ScriptedSupervision, *args: Any, **fields: Any) -> str:
    return str(central.ask("SignedUpdateFirmware", signed(*args, **fields))["status"])


def told(station: SimulatedStation) -> list[str]:
    return [payload["status"] for payload in station.wire.payloads(ACTION)]


def told_of(station: SimulatedStation, request: int) -> list[str]:
    return [payload["status"] for payload in station.wire.payloads(ACTION) if payload.get("requestId") == request]


def versions(station: SimulatedStation) -> list[str]:
    return [payload["firmwareVersion"] for payload in station.wire.payloads("BootNotification")]


def fetches(station: SimulatedStation) -> list[FetchFile]:
    return [effect for effect in station.effects if isinstance(effect, FetchFile)]


def events(station: SimulatedStation, kind: str) -> list[str]:
    return [payload["techInfo"] for payload in station.wire.payloads(SECURITY) if payload["type"] == kind]


def logged(station: SimulatedStation) -> list[str]:
    """The types of the events in the security log, oldest first."""
    entries = sorted((key, data) for (kind, key), data in station.records.items() if kind == "security")
    return [msgspec.json.decode(data)["type"] for _, data in entries]


def statuses(station: SimulatedStation) -> tuple[str, ...]:
    return tuple(station.status(number) for number in (0, 1, 2))


def lines(station: SimulatedStation, name: str) -> list[str]:
    return [line.detail for line in station.log if line.name == name]


def triggered(world: World, central: ScriptedSupervision, station: SimulatedStation) -> dict[str, Any]:
    """What is told for ExtendedTriggerMessage, and nothing besides."""
    seen = len(station.wire.payloads(ACTION))
    asked = central.ask("ExtendedTriggerMessage", {"requestedMessage": "FirmwareStatusNotification"})
    assert asked == {"status": "Accepted"}
    world.run(0.5)
    (payload,) = station.wire.payloads(ACTION)[seen:]
    return payload
