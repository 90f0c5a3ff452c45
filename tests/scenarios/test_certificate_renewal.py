"""Certificates that a station asks for by itself: a first one, by option, and those after it (white paper A03)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from forecourt.station.commissioning import StationOptions
from forecourt.station.effects import OpenLink
from forecourt.world.world import START, World
from tests.authorities import DAY, OPERATOR, SUPERVISION, Authority, pem_of

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation

KEY = "00112233445566778899aabbccddeeff"
ROOT = Authority()
HOUR = timedelta(hours=1)
UNASKED = StationOptions(key_update_after_installation=True)
TRIGGER = {"requestedMessage": "SignChargePointCertificate"}


def installed(world: World, central: ScriptedSupervision, options: StationOptions | None = None) -> SimulatedStation:
    """A booted station with the operator's name and root, as an installer leaves it."""
    central.answers["SignCertificate"] = {"status": "Accepted"}
    keys = {"MinimumStatusDuration": "0", "CpoName": OPERATOR}
    station = world.add_station(authorization_key=KEY, keys=keys, options=options or StationOptions())
    world.run(5)
    root = {"certificateType": SUPERVISION, "certificate": ROOT.pem}
    assert central.ask("InstallCertificate", root) == {"status": "Accepted"}
    station.line.server_root = ROOT.pem
    world.run(5)
    return station


def requests(station: SimulatedStation) -> list[str]:
    return [payload["csr"] for payload in station.wire.payloads("SignCertificate")]


def give(central: ScriptedSupervision, chain: str) -> str:
    return str(central.ask("CertificateSigned", {"certificateChain": chain})["status"])


def shown(station: SimulatedStation) -> str:
    """The certificate of the latest attempt to connect."""
    return next(effect for effect in reversed(station.effects) if isinstance(effect, OpenLink)).chain


@pytest.mark.requirement("WP-A03.FR.01")
def test_station_asks_for_its_first_certificate_by_itself_once_it_is_installed(
    world: World, central: ScriptedSupervision
) -> None:
    station = installed(world, central, UNASKED)
    (csr,) = requests(station)
    assert x509.load_pem_x509_csr(csr.encode()).is_signature_valid
    assert station.wire.payloads("ExtendedTriggerMessage") == []
    assert give(central, ROOT.sign(csr)) == "Accepted"
    assert central.ask("ChangeConfiguration", {"key": "SecurityProfile", "value": "3"}) == {"status": "Accepted"}
    world.run(60)
    assert station.is_connected
    assert shown(station).startswith("-----BEGIN CERTIFICATE-----")
    station.cut()
    station.power_on()
    world.run(300)
    assert requests(station) == [csr]


def test_station_asks_for_nothing_by_itself_without_the_option_or_before_it_has_an_operator_and_a_root(
    world: World, central: ScriptedSupervision
) -> None:
    station = installed(world, central)
    world.run(3 * 86_400)
    assert requests(station) == []
    other = world.add_station("CP-2", keys={"CpoName": OPERATOR}, options=UNASKED)
    world.run(3 * 86_400)
    assert requests(other) == []


def test_first_request_that_is_refused_is_made_again_a_day_later_also_after_a_power_cut(
    world: World, central: ScriptedSupervision
) -> None:
    station = installed(world, central, UNASKED)
    central.answers["SignCertificate"] = {"status": "Rejected"}
    assert central.ask("ExtendedTriggerMessage", TRIGGER) == {"status": "Accepted"}
    world.run(10)
    assert len(requests(station)) == 2
    world.run(86_300)
    assert len(requests(station)) == 2
    central.answers["SignCertificate"] = {"status": "Accepted"}
    world.run(200)
    assert len(requests(station)) == 3
    assert len(set(requests(station))) == 3


@pytest.mark.requirement("WP-A03.FR.10")
def test_certificate_that_was_renewed_is_a_fallback_for_one_month(world: World, central: ScriptedSupervision) -> None:
    """The renewal is the station's own. While the new one does not work every other attempt shows the old one."""
    station = installed(world, central)
    assert central.ask("ExtendedTriggerMessage", TRIGGER) == {"status": "Accepted"}
    world.run(5)
    old = ROOT.sign(requests(station)[-1], valid=(START - DAY, START + 70 * DAY))
    assert give(central, old) == "Accepted"
    assert central.ask("ChangeConfiguration", {"key": "SecurityProfile", "value": "3"}) == {"status": "Accepted"}
    world.run(39.5 * 86_400)
    assert len(requests(station)) == 1
    world.run(86_400)
    assert len(requests(station)) == 2
    central.refuses = 401
    now = START + timedelta(seconds=world.now)
    new = ROOT.sign(requests(station)[-1], valid=(now - HOUR, now + 300 * DAY))
    assert give(central, new) == "Accepted"
    world.run(600)
    tried = [effect.chain for effect in station.effects if isinstance(effect, OpenLink)]
    assert {old, new} == set(tried[-4:])
    central.refuses = None
    world.run(600)
    station.close_link()
    world.run(600)
    assert station.is_connected
    assert shown(station) == new

    def kept() -> int:
        return sum(kind == "certificate" for kind, _ in station.records)

    world.run(28 * 86_400)
    assert kept() == 2
    assert station.keys_forgotten == []
    world.run(3 * 86_400)
    assert kept() == 1
    assert len(station.keys_forgotten) == 1
    assert shown(station) == new


def test_authority_whose_certificates_live_for_less_than_a_month_is_asked_once_a_day(
    world: World, central: ScriptedSupervision
) -> None:
    """Not at each connection, of which there may be many."""
    station = installed(world, central)
    assert central.ask("ExtendedTriggerMessage", TRIGGER) == {"status": "Accepted"}
    world.run(5)
    for _ in range(8):
        now = START + timedelta(seconds=world.now)
        csr = requests(station)[-1]
        assert give(central, ROOT.sign(csr, valid=(now - HOUR, now + 20 * DAY))) == "Accepted"
        station.close_link()
        world.run(60)
    assert len(requests(station)) == 2
    world.run(86_400)
    assert len(requests(station)) == 3


@pytest.mark.requirement("GUIDE-KEY-43")
def test_certificatesignedmaxchain_is_shown_read_only_and_limits_nothing(
    world: World, central: ScriptedSupervision
) -> None:
    station = installed(world, central)
    listed = central.ask("GetConfiguration", {"key": ["CertificateSignedMaxChain"]})["configurationKey"]
    assert listed == [{"key": "CertificateSignedMaxChain", "readonly": True, "value": "1000"}]
    everything = central.ask("GetConfiguration", {})["configurationKey"]
    assert listed[0] in everything
    change = {"key": "CertificateSignedMaxChain", "value": "2000"}
    assert central.ask("ChangeConfiguration", change) == {"status": "Rejected"}
    assert central.ask("ExtendedTriggerMessage", TRIGGER) == {"status": "Accepted"}
    world.run(5)
    between = Authority("Between", ROOT)
    chain = between.sign(requests(station)[-1]) + between.pem
    assert len(chain) > 1000
    assert give(central, chain) == "Accepted"


@pytest.mark.requirement("GUIDE-GEN-03")
def test_certificates_travel_as_pem_text_and_the_form_of_the_older_edition_is_refused(
    world: World, central: ScriptedSupervision
) -> None:
    """The older edition had `cert`, a list of hex encoded DER."""
    station = installed(world, central)
    assert central.ask("ExtendedTriggerMessage", TRIGGER) == {"status": "Accepted"}
    world.run(5)
    (payload,) = station.wire.payloads("SignCertificate")
    assert list(payload) == ["csr"]
    csr = x509.load_pem_x509_csr(payload["csr"].encode())
    leaf = ROOT.issue(csr.public_key())
    der = leaf.public_bytes(Encoding.DER).hex()
    for older, code in (({"cert": [der]}, "ProtocolError"), ({"certificateChain": [der]}, "TypeConstraintViolation")):
        refused = central.call("CertificateSigned", older)
        assert (refused.kind, refused.payload["code"]) == ("CALLERROR", code)
    assert give(central, der) == "Rejected"
    assert give(central, pem_of(leaf)) == "Accepted"
    root = {"certificateType": SUPERVISION, "certificate": ROOT.certificate.public_bytes(Encoding.DER).hex()}
    assert central.ask("InstallCertificate", root) == {"status": "Rejected"}
