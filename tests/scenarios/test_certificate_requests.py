"""How a station comes by a certificate of its own (white paper A02, A03; facts §10.7)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from forecourt.ocpp.security_extension import (
    CertificateSignedRequest,
    CertificateUse,
    DeleteCertificateRequest,
    ExtendedTriggerMessageRequest,
    GetInstalledCertificateIdsRequest,
    InstallCertificateRequest,
)
from forecourt.station.effects import OpenLink
from forecourt.supervision.outcomes import Answered
from forecourt.world.keys import key_of as key_of_station
from forecourt.world.world import START, World
from tests.authorities import DAY, OPERATOR, SERIAL, SUPERVISION, Authority, key_of, pem_of

if TYPE_CHECKING:
    from forecourt.ocpp.types import Record
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation

KEY = "00112233445566778899aabbccddeeff"
TRIGGER = {"requestedMessage": "SignChargePointCertificate"}
ROOT = Authority()
HOUR = timedelta(hours=1)


@pytest.fixture
def owned(world: World, central: ScriptedSupervision) -> SimulatedStation:
    """A booted station in `world` with the operator's name and root."""
    station = world.add_station(authorization_key=KEY, keys={"MinimumStatusDuration": "0", "CpoName": OPERATOR})
    central.answers["SignCertificate"] = {"status": "Accepted"}
    world.run(5)
    installed = {"certificateType": SUPERVISION, "certificate": ROOT.pem}
    assert central.ask("InstallCertificate", installed) == {"status": "Accepted"}
    station.line.server_root = ROOT.pem
    return station


def requests(station: SimulatedStation) -> list[str]:
    """The requests that were sent, oldest first."""
    return [payload["csr"] for payload in station.wire.payloads("SignCertificate")]


def ask_for_one(world: World, central: ScriptedSupervision, station: SimulatedStation) -> str:
    """Trigger a request; return it."""
    assert central.ask("ExtendedTriggerMessage", TRIGGER) == {"status": "Accepted"}
    world.run(5)
    return requests(station)[-1]


def give(central: ScriptedSupervision, chain: str) -> str:
    return str(central.ask("CertificateSigned", {"certificateChain": chain})["status"])


def events(station: SimulatedStation) -> list[str]:
    return [payload["type"] for payload in station.wire.payloads("SecurityEventNotification")]


def shown(station: SimulatedStation) -> str:
    """The certificate of the latest attempt to connect."""
    return next(effect for effect in reversed(station.effects) if isinstance(effect, OpenLink)).chain


def raise_profile(world: World, central: ScriptedSupervision, station: SimulatedStation) -> None:
    """Go to profile 3."""
    assert central.ask("ChangeConfiguration", {"key": "SecurityProfile", "value": "3"}) == {"status": "Accepted"}
    world.run(60)
    assert station.is_connected


# The request.


@pytest.mark.requirement("GUIDE-OP-12", "WP-A02.FR.02", "WP-A02.FR.03", "WP-A02.FR.13", "GUIDE-PNC-14", "WP-5-3")
def test_triggered_station_makes_a_key_and_sends_a_request_with_its_names(
    world: World, central: ScriptedSupervision, owned: SimulatedStation
) -> None:
    first = x509.load_pem_x509_csr(ask_for_one(world, central, owned).encode())
    assert first.is_signature_valid
    (common_name,) = first.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    (organization,) = first.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert (common_name.value, organization.value) == (SERIAL, OPERATOR)
    second = x509.load_pem_x509_csr(ask_for_one(world, central, owned).encode())
    assert second.public_key() != first.public_key()
    assert len(requests(owned)) == 2
    assert all(len(csr) <= 5500 and csr.startswith("-----BEGIN CERTIFICATE REQUEST-----") for csr in requests(owned))


@pytest.mark.requirement("WP-6-6", "WP-A02.FR.02")
def test_pending_station_sends_each_message_that_the_extended_trigger_knows(
    world: World, central: ScriptedSupervision
) -> None:
    central.boot_status = "Pending"
    central.answers["SignCertificate"] = {"status": "Accepted"}
    station = world.add_station(keys={"CpoName": OPERATOR})
    world.run(5)
    for asked, sent in {
        "BootNotification": "BootNotification",
        "LogStatusNotification": "LogStatusNotification",
        "FirmwareStatusNotification": "SignedFirmwareStatusNotification",
        "Heartbeat": "Heartbeat",
        "MeterValues": "MeterValues",
        "SignChargePointCertificate": "SignCertificate",
        "StatusNotification": "StatusNotification",
    }.items():
        seen = len(station.wire.payloads(sent))
        assert central.ask("ExtendedTriggerMessage", {"requestedMessage": asked}) == {"status": "Accepted"}, asked
        world.run(5)
        assert len(station.wire.payloads(sent)) > seen, asked


@pytest.mark.requirement("WP-A02-pre-1")
def test_trigger_is_rejected_while_there_is_no_operator(
    world: World, central: ScriptedSupervision, owned: SimulatedStation
) -> None:
    owned.set_key("CpoName", "")
    assert central.ask("ExtendedTriggerMessage", TRIGGER) == {"status": "Rejected"}
    world.run(60)
    assert requests(owned) == []
    owned.set_key("CpoName", OPERATOR)
    ask_for_one(world, central, owned)
    assert len(requests(owned)) == 1


def test_new_request_takes_the_place_of_the_one_under_way(
    world: World, central: ScriptedSupervision, owned: SimulatedStation
) -> None:
    first = ask_for_one(world, central, owned)
    second = ask_for_one(world, central, owned)
    assert len(owned.keys_forgotten) == 1
    assert give(central, ROOT.sign(first)) == "Rejected"
    assert give(central, ROOT.sign(second)) == "Accepted"


def test_refused_request_ends_and_its_key_is_destroyed(
    world: World, central: ScriptedSupervision, owned: SimulatedStation
) -> None:
    owned.set_key("CertSigningWaitMinimum", "60")
    central.answers["SignCertificate"] = {"status": "Rejected"}
    csr = ask_for_one(world, central, owned)
    world.run(86_400)
    assert requests(owned) == [csr]
    assert len(owned.keys_forgotten) == 1
    assert give(central, ROOT.sign(csr)) == "Rejected"


@pytest.mark.requirement("GUIDE-PNC-05", "GUIDE-PNC-06")
@pytest.mark.parametrize(
    ("wait_s", "doublings", "after_s"),
    [(0, 3, []), (60, 0, [60]), (60, 2, [60, 180, 420]), (100, 1, [100, 300])],
)
def test_request_is_repeated_after_a_wait_that_doubles(
    world: World,
    central: ScriptedSupervision,
    owned: SimulatedStation,
    wait_s: int,
    doublings: int,
    after_s: list[int],
) -> None:
    for name, value in {
        "ISO15118PnCEnabled": "true",
        "CertSigningWaitMinimum": wait_s,
        "CertSigningRepeatTimes": doublings,
    }.items():
        change = {"key": name, "value": str(value)}
        assert central.ask("ChangeConfiguration", change) == {"status": "Accepted"}
    negative = {"key": "CertSigningWaitMinimum", "value": "-1"}
    assert central.ask("ChangeConfiguration", negative) == {"status": "Rejected"}
    csr = ask_for_one(world, central, owned)
    world.run(7_200)
    times = [one.at for one in owned.wire.messages if one.kind == "CALL" and one.action == "SignCertificate"]
    assert [round(at - times[0]) for at in times[1:]] == after_s
    assert set(requests(owned)) == {csr}


def test_certificate_ends_the_repetitions(world: World, central: ScriptedSupervision, owned: SimulatedStation) -> None:
    owned.set_key("CertSigningWaitMinimum", "60")
    owned.set_key("CertSigningRepeatTimes", "5")
    csr = ask_for_one(world, central, owned)
    world.run(90)
    assert give(central, ROOT.sign(csr)) == "Accepted"
    world.run(7_200)
    assert len(requests(owned)) == 2


@pytest.mark.parametrize("after_s", [0.1, 0.3, 0.52, 0.56, 2.0])
def test_request_survives_a_power_cut_wherever_it_comes(
    world: World, central: ScriptedSupervision, owned: SimulatedStation, after_s: float
) -> None:
    """Before the key is there a new one is made, and nobody asks for a certificate of the old one."""
    assert central.ask("ExtendedTriggerMessage", TRIGGER) == {"status": "Accepted"}
    world.run(after_s)
    owned.cut()
    owned.power_on()
    world.run(60)
    assert give(central, ROOT.sign(requests(owned)[-1])) == "Accepted"


def test_request_made_without_a_connection_is_sent_with_the_next(
    world: World, central: ScriptedSupervision, owned: SimulatedStation
) -> None:
    assert central.ask("ExtendedTriggerMessage", TRIGGER) == {"status": "Accepted"}
    owned.network_down()
    world.run(60)
    assert requests(owned) == []
    owned.network_up()
    world.run(120)
    assert len(requests(owned)) == 1


# The certificate.


@pytest.mark.requirement("GUIDE-CSOP-21", "WP-A02.FR.06", "WP-5-1")
def test_certificate_over_an_authority_between_is_taken_and_used(
    world: World, central: ScriptedSupervision, owned: SimulatedStation
) -> None:
    between = Authority("Between", ROOT)
    csr = ask_for_one(world, central, owned)
    chain = between.sign(csr) + between.pem
    assert give(central, chain) == "Accepted"
    raise_profile(world, central, owned)
    assert shown(owned) == chain
    assert central.passwords[-1] is None


def _extended(csr: str, *extensions: x509.ExtensionType) -> str:
    public_key = x509.load_pem_x509_csr(csr.encode()).public_key()
    return pem_of(ROOT.issue(public_key, extensions=extensions))


BAD: dict[str, tuple[Any, str]] = {
    "nonsense": (lambda csr: "nonsense", "can be read"),
    "expired": (lambda csr: ROOT.sign(csr, valid=(START - 9 * DAY, START - DAY)), "has not expired"),
    "wrong key": (lambda csr: pem_of(ROOT.issue(key_of("thief").public_key())), "another key"),
    "foreign": (lambda csr: Authority("Foreign").sign(csr), "chain to an installed"),
    "without the one between": (lambda csr: Authority("Between", ROOT).sign(csr), "chain to an installed"),
    "between is no authority": (
        lambda csr: (lambda one: one.sign(csr) + one.pem)(Authority("Weak", ROOT, is_authority=False)),
        "chain to an installed",
    ),
    "between has expired": (
        lambda csr: (lambda one: one.sign(csr) + one.pem)(
            Authority("Late", ROOT, valid=(START - 9 * DAY, START - DAY))
        ),
        "chain to an installed",
    ),
    "another serial number": (lambda csr: ROOT.sign(csr, common_name="1S0000000000"), "subject CN="),
    "another operator": (lambda csr: ROOT.sign(csr, organization="Others"), "O=Others"),
    "for servers": (
        lambda csr: _extended(csr, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])),
        "for clients of TLS",
    ),
    "an authority": (lambda csr: _extended(csr, x509.BasicConstraints(True, None)), "that of an authority"),
}


@pytest.mark.requirement("WP-A02.FR.06", "WP-A02.FR.07")
@pytest.mark.parametrize("name", BAD)
def test_bad_certificate_is_rejected_and_told_and_a_good_one_still_taken(
    world: World, central: ScriptedSupervision, owned: SimulatedStation, name: str
) -> None:
    make, why = BAD[name]
    csr = ask_for_one(world, central, owned)
    assert give(central, make(csr)) == "Rejected"
    world.run(5)
    (told,) = [
        payload["techInfo"]
        for payload in owned.wire.payloads("SecurityEventNotification")
        if payload["type"] == "InvalidChargePointCertificate"
    ]
    assert why in told
    assert not any(kind == "certificate" for kind, _ in owned.records)
    assert give(central, ROOT.sign(csr)) == "Accepted"


@pytest.mark.requirement("WP-A02.FR.07")
def test_certificate_that_nobody_asked_for_is_rejected_and_told(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    assert give(central, pem_of(ROOT.issue(key_of("station").public_key()))) == "Rejected"
    world.run(5)
    assert "InvalidChargePointCertificate" in events(station)


@pytest.mark.requirement("WP-7-1", "GUIDE-PNC-04")
def test_chain_longer_than_the_key_allows_is_rejected_and_told(
    world: World, central: ScriptedSupervision, owned: SimulatedStation
) -> None:
    owned.set_key("ISO15118PnCEnabled", "true")
    most = {"key": "CertificateSignedMaxChainSize", "readonly": True, "value": "10000"}
    named = central.ask("GetConfiguration", {"key": ["CertificateSignedMaxChainSize"]})
    assert named["configurationKey"] == [most]
    chain = ROOT.sign(ask_for_one(world, central, owned))
    owned.set_key("CertificateSignedMaxChainSize", str(len(chain) - 1))
    assert give(central, chain) == "Rejected"
    world.run(5)
    assert "InvalidChargePointCertificate" in events(owned)
    owned.set_key("CertificateSignedMaxChainSize", str(len(chain)))
    assert give(central, chain) == "Accepted"
    over = central.call("CertificateSigned", {"certificateChain": "x" * 10_001})
    assert over.kind == "CALLERROR"


@pytest.mark.requirement("WP-A02.FR.05", "WP-A03.FR.05")
def test_private_key_is_in_no_message_record_log_or_diagnostics(
    world: World, central: ScriptedSupervision, owned: SimulatedStation
) -> None:
    """The number that is the key, and every way to write it, is searched for in all that the station gave away."""
    keys = []
    for _ in range(2):
        assert give(central, ROOT.sign(ask_for_one(world, central, owned))) == "Accepted"
        keys.append(next(key for kind, key in reversed(owned.records) if kind == "certificate"))
    central.ask("GetDiagnostics", {"location": "ftp://files.example/up"})
    world.run(60)
    assert world.files.uploads
    given = "".join(message.text for message in owned.wire.messages).encode()
    given += b"".join(owned.records.values()) + repr(owned.effects).encode() + repr(world.files.uploads).encode()
    assert b"PRIVATE KEY" not in given
    for key in keys:
        private = key_of_station("CP-1", key)
        number = private.private_numbers().private_value
        der = private.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        for secret in (number.to_bytes(32, "big"), f"{number:x}".encode(), str(number).encode(), der.hex().encode()):
            assert secret not in given


# Which one is in use.


@pytest.mark.requirement("WP-A02.FR.08", "WP-A02.FR.09")
def test_certificate_is_used_from_its_first_moment_on_and_the_latest_wins(
    world: World, central: ScriptedSupervision, owned: SimulatedStation
) -> None:
    chains = []
    for begins in (START - 2 * DAY, START - DAY, START + 2 * HOUR):
        csr = ask_for_one(world, central, owned)
        chains.append(ROOT.sign(csr, valid=(begins, START + 300 * DAY)))
        assert give(central, chains[-1]) == "Accepted"
    raise_profile(world, central, owned)
    assert shown(owned) == chains[1]
    world.run(7_000)
    assert shown(owned) == chains[1]
    world.run(300)
    assert owned.is_connected
    assert shown(owned) == chains[2]


@pytest.mark.requirement("WP-A02.FR.08")
def test_new_certificate_is_used_at_once_under_profile_3(
    world: World, central: ScriptedSupervision, owned: SimulatedStation
) -> None:
    assert give(central, ROOT.sign(ask_for_one(world, central, owned))) == "Accepted"
    raise_profile(world, central, owned)
    later = ROOT.sign(ask_for_one(world, central, owned), valid=(START - HOUR, START + 300 * DAY))
    attempts = len(owned.link_attempts)
    assert give(central, later) == "Accepted"
    world.run(60)
    assert len(owned.link_attempts) == attempts + 1
    assert owned.is_connected
    assert shown(owned) == later


@pytest.mark.requirement("WP-A02.FR.10")
def test_old_certificate_is_a_fallback_for_a_month_once_the_new_one_has_worked(
    world: World, central: ScriptedSupervision, owned: SimulatedStation
) -> None:
    old = ROOT.sign(ask_for_one(world, central, owned))
    assert give(central, old) == "Accepted"
    raise_profile(world, central, owned)
    central.refuses = 401
    new = ROOT.sign(ask_for_one(world, central, owned), valid=(START, START + 300 * DAY))
    assert give(central, new) == "Accepted"
    world.run(300)
    tried = [effect.chain for effect in owned.effects if isinstance(effect, OpenLink)]
    assert {old, new} <= set(tried[-4:])
    central.refuses = None
    world.run(600)
    assert owned.is_connected
    owned.close_link()
    world.run(600)
    assert shown(owned) == new

    def kept() -> int:
        return sum(kind == "certificate" for kind, _ in owned.records)

    world.run(29 * 86_400)
    assert kept() == 2
    assert owned.keys_forgotten == []
    world.run(2 * 86_400)
    assert kept() == 1
    assert len(owned.keys_forgotten) == 1
    assert owned.is_connected


# Renewal.


@pytest.mark.requirement("WP-A03.FR.02", "WP-A03.FR.03", "WP-A03.FR.13", "WP-A03.FR.06", "WP-A03.FR.07")
@pytest.mark.requirement("WP-A03.FR.08", "WP-A03.FR.09")
def test_station_renews_its_certificate_a_month_before_it_expires(
    world: World, central: ScriptedSupervision, owned: SimulatedStation
) -> None:
    csr = ask_for_one(world, central, owned)
    assert give(central, ROOT.sign(csr, valid=(START - DAY, START + 40 * DAY))) == "Accepted"
    world.run(9.9 * 86_400)
    assert requests(owned) == [csr]
    world.run(0.2 * 86_400)
    assert len(requests(owned)) == 2
    renewal = x509.load_pem_x509_csr(requests(owned)[-1].encode())
    assert renewal.public_key() != x509.load_pem_x509_csr(csr.encode()).public_key()
    (organization,) = renewal.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert organization.value == OPERATOR
    assert give(central, Authority("Foreign").sign(requests(owned)[-1])) == "Rejected"
    world.run(5)
    assert "InvalidChargePointCertificate" in events(owned)
    now = START + timedelta(seconds=world.now)
    good = ROOT.sign(requests(owned)[-1], valid=(now - HOUR, now + 100 * DAY))
    assert give(central, good) == "Accepted"
    raise_profile(world, central, owned)
    assert shown(owned) == good
    world.run(60 * 86_400)
    assert len(requests(owned)) == 2


@pytest.mark.requirement("WP-A03.FR.02")
def test_renewal_that_is_refused_is_tried_again_a_day_later(
    world: World, central: ScriptedSupervision, owned: SimulatedStation
) -> None:
    csr = ask_for_one(world, central, owned)
    assert give(central, ROOT.sign(csr, valid=(START - DAY, START + 20 * DAY))) == "Accepted"
    central.answers["SignCertificate"] = {"status": "Rejected"}
    owned.cut()
    owned.power_on()
    world.run(3.5 * 86_400)
    assert 4 <= len(requests(owned)) <= 5
    assert len(set(requests(owned))) == len(requests(owned))


@pytest.mark.requirement("WP-M04.FR.05")
@pytest.mark.parametrize("is_direct", [True, False])
def test_own_certificate_can_not_be_deleted(
    world: World, central: ScriptedSupervision, owned: SimulatedStation, is_direct: bool
) -> None:
    from cryptography.x509 import ocsp

    above = ROOT if is_direct else Authority("Between", ROOT)
    csr = x509.load_pem_x509_csr(ask_for_one(world, central, owned).encode())
    leaf = above.issue(csr.public_key())
    assert give(central, pem_of(leaf) + ("" if is_direct else above.pem)) == "Accepted"
    asked = ocsp.OCSPRequestBuilder().add_certificate(leaf, above.certificate, hashes.SHA256()).build()
    data = {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": asked.issuer_name_hash.hex(),
        "issuerKeyHash": asked.issuer_key_hash.hex(),
        "serialNumber": f"{asked.serial_number:x}",
    }
    assert central.ask("DeleteCertificate", {"certificateHashData": data}) == {"status": "Failed"}
    raise_profile(world, central, owned)
    assert shown(owned).startswith(pem_of(leaf))


@pytest.mark.requirement("GUIDE-OP-12", "GUIDE-CSOP-21", "GUIDE-CSOP-22", "GUIDE-CSOP-23", "GUIDE-CSOP-26")
def test_our_supervision_asks_and_answers_all_that_certificates_need(site: World, served: SimulatedStation) -> None:
    """This one has no authority, so it refuses the request, and the station the certificate that nobody asked for."""
    supervision, identity = site.supervision, served.identity
    served.set_key("CpoName", OPERATOR)
    use = CertificateUse.CentralSystemRootCertificate

    def ask(request: Record) -> Any:
        outcome = supervision.ask(identity, request)
        assert isinstance(outcome, Answered)
        return outcome.response

    assert ask(GetInstalledCertificateIdsRequest(certificateType=use)).status == "NotFound"
    assert ask(InstallCertificateRequest(certificateType=use, certificate="nonsense")).status == "Rejected"
    assert ask(InstallCertificateRequest(certificateType=use, certificate=ROOT.pem)).status == "Accepted"
    (data,) = ask(GetInstalledCertificateIdsRequest(certificateType=use)).certificateHashData
    trigger = ExtendedTriggerMessageRequest(requestedMessage="SignChargePointCertificate")
    assert ask(trigger).status == "Accepted"
    site.run(5)
    (csr,) = requests(served)
    answers = [one.payload for one in served.wire.messages if one.kind != "CALL" and one.action == "SignCertificate"]
    assert answers == [{"status": "Rejected"}]
    assert ask(CertificateSignedRequest(certificateChain=ROOT.sign(csr))).status == "Rejected"
    assert ask(DeleteCertificateRequest(certificateHashData=data)).status == "Accepted"
    assert ask(DeleteCertificateRequest(certificateHashData=data)).status == "NotFound"
