"""Records of certificates that are damaged: a life begins all the same, and says what it can not read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from forecourt.world.scripted import ScriptedSupervision
from forecourt.world.world import START, World
from tests.authorities import DAY, OPERATOR, SUPERVISION, Authority

if TYPE_CHECKING:
    from forecourt.world.simulated_station import SimulatedStation

KINDS = ("root", "certificate", "certificate-request", "trust", "security-profile")
NONSENSE: list[Any] = [None, True, [], {}, 0, -1, 7, 10**30, -1e300, 1e300, "", "x", "../../x", "2026-03-02T08:00:00Z"]
ROOT = Authority()


def furnished() -> tuple[World, SimulatedStation]:
    """A station with two roots, a certificate, a request under way, and a profile on trial; without power."""
    world = World(central=ScriptedSupervision)
    station = world.add_station(authorization_key="00" * 16, keys={"CpoName": OPERATOR})
    central = world.central
    assert isinstance(central, ScriptedSupervision)
    central.answers["SignCertificate"] = {"status": "Accepted"}
    station.line.server_root = ROOT.pem
    world.run(5)
    for root in (ROOT, Authority("Child", ROOT)):
        central.ask("InstallCertificate", {"certificateType": SUPERVISION, "certificate": root.pem})
    for _ in range(2):
        central.ask("ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"})
        world.run(5)
        csr = station.wire.payloads("SignCertificate")[-1]["csr"]
        chain = ROOT.sign(csr, valid=(START - DAY, START + 90 * DAY))
        if not any(kind == "certificate" for kind, _ in station.records):
            central.ask("CertificateSigned", {"certificateChain": chain})
    central.ask("ChangeConfiguration", {"key": "SecurityProfile", "value": "2"})
    station.cut()
    return world, station


def variants(data: bytes) -> list[bytes]:
    """The record with each of its fields replaced by nonsense, and cut short."""
    found = [b"", b"\xff\xfe", b"nonsense", data[: len(data) // 2], *(json.dumps(each).encode() for each in NONSENSE)]
    if data.startswith(b"{"):
        record = json.loads(data)
        found += [json.dumps({**record, name: each}).encode() for name in record for each in NONSENSE]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_life_begins_on_any_damaged_record_of_certificates(kind: str) -> None:
    world, station = furnished()
    kept = dict(station.records)
    central = world.central
    assert isinstance(central, ScriptedSupervision)
    places = [place for place in kept if place[0] == kind]
    assert places
    for damaged in variants(kept[places[-1]]):
        station.disk.records.clear()
        station.disk.records.update({**kept, places[-1]: damaged})
        station.power_on()
        world.run(30)
        station.workings()
        if station.is_connected:
            central.ask("GetInstalledCertificateIds", {"certificateType": SUPERVISION})
            central.ask("ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"})
            world.run(3)
        station.cut()
    assert kind in ("trust", "security-profile") or any(
        line.name == "Record ignored" and line.detail.startswith(f"{kind} ") for line in station.log
    )
