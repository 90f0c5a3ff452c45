"""The whole list of security events that a station can have: each is in its security log as soon as it has happened."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from forecourt.evlink.firmware_image import encode_image
from forecourt.evlink.generations import Product
from forecourt.station import events as happened
from forecourt.station.events import LinkProblem
from forecourt.world.world import START, World
from tests.firmware_signing import Manufacturer
from tests.signed_updates import IMAGE, URL, install_root, signed

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation

FOLDER = "http://files.example/logs"
KEY = "0123456789abcdef0123456789abcdef"
LIST = [
    "FirmwareUpdated",
    "FailedToAuthenticateAtCentralSystem",
    "CentralSystemFailedToAuthenticate",
    "SettingSystemTime",
    "StartupOfTheDevice",
    "ResetOrReboot",
    "SecurityLogWasCleared",
    "ReconfigurationOfSecurityParameters",
    "MemoryExhaustion",
    "InvalidMessages",
    "AttemptedReplayAttacks",
    "TamperDetectionActivated",
    "InvalidFirmwareSignature",
    "InvalidFirmwareSigningCertificate",
    "InvalidCentralSystemCertificate",
    "InvalidChargePointCertificate",
    "InvalidTLSVersion",
    "InvalidTLSCipherSuite",
]
"""Section 8 of the white paper, from first to last."""
BETWEEN_S = 3 * 3600.0
"""So long after its first start nothing happens to the station."""


class Site:
    """A world with one station."""

    def __init__(self, world: World, central: ScriptedSupervision, station: SimulatedStation) -> None:
        self.world = world
        self.central = central
        self.station = station

    def fail_to_connect(self, problem: LinkProblem) -> None:
        """The next attempt to connect ends in TLS."""
        self.central.refuses = 503
        self.station.close_link()
        self.world.run_until(lambda: len(self.station.link_attempts) > 1)
        self.station.happen(happened.LinkRefused("the handshake has failed", problem=problem))
        self.central.refuses = None

    def refuse_the_password(self) -> None:
        self.central.refuses = 401
        self.station.close_link()
        self.world.run(30)
        self.central.refuses = None

    def start_again(self) -> None:
        self.station.cut()
        self.station.power_on()

    def replay(self) -> None:
        for _ in range(2):
            self.central.send('[2,"again","ClearCache",{}]')

    def move_the_clock(self) -> None:
        self.central.answers["Heartbeat"] = lambda payload: {
            "currentTime": (START + timedelta(seconds=self.world.now + 90)).isoformat()
        }
        self.central.ask("TriggerMessage", {"requestedMessage": "Heartbeat"})

    def update(self) -> None:
        self.world.files.served[URL] = encode_image(Product.PRO_DC_180, "3.6.0", b"new")
        self.central.ask("UpdateFirmware", {"location": URL, "retrieveDate": START.isoformat()})

    def update_by_another_works(self) -> None:
        install_root(self.central)
        self.central.ask("SignedUpdateFirmware", signed(signer=Manufacturer("Others").issue()))

    def update_with_a_wrong_signature(self) -> None:
        install_root(self.central)
        self.world.files.served[URL] = IMAGE
        self.central.ask("SignedUpdateFirmware", signed(b"another image"))

    def give_a_wrong_certificate(self) -> None:
        self.central.ask("CertificateSigned", {"certificateChain": "no certificate"})


HAPPENINGS: dict[str, Callable[[Site], object]] = {
    "FirmwareUpdated": Site.update,
    "FailedToAuthenticateAtCentralSystem": Site.refuse_the_password,
    "CentralSystemFailedToAuthenticate": lambda site: site.fail_to_connect(LinkProblem.CERTIFICATE),
    "SettingSystemTime": Site.move_the_clock,
    "StartupOfTheDevice": Site.start_again,
    "ResetOrReboot": lambda site: site.central.ask("Reset", {"type": "Soft"}),
    "SecurityLogWasCleared": lambda site: site.station.happen(happened.SecurityLogCleared()),
    "ReconfigurationOfSecurityParameters": lambda site: site.station.set_key("AuthorizationKey", KEY),
    "MemoryExhaustion": lambda site: site.station.happen(happened.SaveFailed("disk full")),
    "InvalidMessages": lambda site: site.central.send("[]"),
    "AttemptedReplayAttacks": Site.replay,
    "TamperDetectionActivated": lambda site: site.station.fault("0x10020C", 0),
    "InvalidFirmwareSignature": Site.update_with_a_wrong_signature,
    "InvalidFirmwareSigningCertificate": Site.update_by_another_works,
    "InvalidCentralSystemCertificate": lambda site: site.fail_to_connect(LinkProblem.CERTIFICATE),
    "InvalidChargePointCertificate": Site.give_a_wrong_certificate,
    "InvalidTLSVersion": lambda site: site.fail_to_connect(LinkProblem.TLS_VERSION),
    "InvalidTLSCipherSuite": lambda site: site.fail_to_connect(LinkProblem.CIPHER_SUITE),
}


def log_of(site: Site) -> list[dict[str, Any]]:
    """The security log as the station uploads it."""
    site.world.run_until(lambda: site.station.is_connected)
    site.world.run(60)
    asked = {"logType": "SecurityLog", "requestId": 1, "log": {"remoteLocation": FOLDER}}
    name = site.central.ask("GetLog", asked)["filename"]
    site.world.run(10)
    (part,) = site.world.files.uploads[f"{FOLDER}/{name}"]
    return [msgspec.json.decode(line) for line in part.data.splitlines()]


@pytest.mark.requirement("WP-N01.FR.05")
@pytest.mark.parametrize("kind", LIST)
def test_event_of_the_list_is_written_to_the_security_log_when_it_happens(
    world: World, central: ScriptedSupervision, station: SimulatedStation, kind: str
) -> None:
    """Nothing of the kind is there before, and its time is that of the happening, not that of the upload."""
    site = Site(world, central, station)
    world.run(BETWEEN_S)
    begun = START + timedelta(seconds=world.now)
    HAPPENINGS[kind](site)
    if kind in {"FirmwareUpdated", "InvalidFirmwareSignature", "ResetOrReboot"}:
        world.run(600)
    found = [line for line in log_of(site) if line["type"] == kind]
    of_before = [line for line in found if datetime.fromisoformat(line["timestamp"]) < begun]
    assert len(of_before) == (1 if kind == "StartupOfTheDevice" else 0)
    happened_at = [datetime.fromisoformat(line["timestamp"]) for line in found[len(of_before) :]]
    assert happened_at
    late = timedelta(seconds=600 if kind in {"FirmwareUpdated", "ResetOrReboot"} else 120)
    assert begun <= happened_at[0] <= begun + late


def test_list_of_the_white_paper_is_the_one_that_stations_know() -> None:
    from forecourt.station.security_events import EVENTS

    assert sorted(HAPPENINGS) == sorted(LIST) == sorted(kind.value for kind in EVENTS)
