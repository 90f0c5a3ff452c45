"""Passwords, certificates and profiles that stations are given, by peers on real sockets."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from forecourt.supervision import server_provisioning
from forecourt.supervision.facts import CandidateKeySet
from forecourt.supervision.server_security import TlsOptions
from tests.supervision_peers import BOOT, Peer, play, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.supervision_peers import Running

SERIAL = "3N000001"
OLD = "00" * 16


class Station:
    """A station that keeps what it is given, and answers what it is asked as one of the product does."""

    def __init__(self, ours: Running, identity: str = "EVD-1", serial_number: str = SERIAL) -> None:
        self.ours = ours
        self.identity = identity
        self.serial_number = serial_number
        self.keys = {"AuthorizationKey": "", "SecurityProfile": "0", "CpoName": ""}
        self.root: str | None = None
        self.asked: list[str] = []
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.chain: str | None = None
        self.refuses: dict[str, dict[str, Any]] = {}
        """Answers in place of the usual ones, by action or by key."""

    def context(self, folder: Path) -> ssl.SSLContext | None:
        """What it checks the supervision with, and shows, with the profile it has."""
        if int(self.keys["SecurityProfile"]) < 2:
            return None
        assert self.root is not None
        context = ssl.create_default_context(cadata=self.root)
        if self.keys["SecurityProfile"] == "3":
            assert self.chain is not None
            form = serialization.PrivateFormat.PKCS8
            both = folder / f"{self.identity}.pem"
            both.write_bytes(
                self.key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
                + self.chain.encode()
            )
            context.load_cert_chain(both)
        return context

    def headers(self) -> dict[str, str] | None:
        if self.keys["SecurityProfile"] not in ("1", "2"):
            return None
        password = bytes.fromhex(self.keys["AuthorizationKey"])
        return {"Authorization": "Basic " + b64encode(self.identity.encode() + b":" + password).decode()}

    @asynccontextmanager
    async def connected(self, folder: Path, *, booted: bool = True) -> AsyncIterator[Peer]:
        """Connected with the profile that it has."""
        context = self.context(folder)
        scheme = "ws" if context is None else "wss"
        url = f"{scheme}://localhost:{self.ours.supervision.ocpp_port}/{self.identity}"
        subprotocols = [Subprotocol("ocpp1.6")]
        socket = await connect(url, subprotocols=subprotocols, additional_headers=self.headers(), ssl=context)
        peer = Peer(socket)
        try:
            if booted:
                await peer.ask("BootNotification", BOOT | {"chargePointSerialNumber": self.serial_number})
            yield peer
        finally:
            await peer.close()

    async def serve(self, peer: Peer, until: str) -> dict[str, Any]:
        """Answer what it is asked, up to and including a CALL of this action, or a change of this key: its payload."""
        while True:
            _, _, action, payload = await peer.answer_by(self.reply)
            if self.asked[-1] == until:
                return dict(payload)
            if action == "ExtendedTriggerMessage":
                assert (await peer.ask("SignCertificate", {"csr": self.csr()}))["status"] == "Accepted"

    def reply(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """The answer to a CALL; what it says is done."""
        name = payload["key"] if action == "ChangeConfiguration" else action
        self.asked.append(name)
        if name in self.refuses:
            return self.refuses[name]
        if action == "ChangeConfiguration":
            self.keys[payload["key"]] = payload["value"]
        elif action == "GetInstalledCertificateIds":
            return {"status": "NotFound"}
        elif action == "InstallCertificate":
            self.root = payload["certificate"]
        elif action == "CertificateSigned":
            self.chain = payload["certificateChain"]
        return {"status": "Accepted"}

    def csr(self, organization: str | None = None) -> str:
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, self.serial_number),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization or self.keys["CpoName"]),
            ]
        )
        request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(self.key, hashes.SHA256())
        return request.public_bytes(serialization.Encoding.PEM).decode()


async def admitted(station: Station, folder: Path, **keys: str) -> bool:
    """Whether the station would be let in with these keys in place of its own."""
    kept, station.keys = station.keys, station.keys | keys
    try:
        async with station.connected(folder, booted=False):
            return True
    except InvalidStatus:
        return False
    finally:
        station.keys = kept


async def upgraded(ours: Running, state: str) -> Any:
    return await ours.until("/api/stations/EVD-1/security-profile", lambda found: found["state"] == state)


@pytest.mark.requirement("WP-A01.FR.06", "WP-A01.FR.07", "WP-A00.FR.802", "WP-A00.FR.805")
def test_one_call_gives_each_station_a_random_password_of_its_own_and_only_that_is_right_then(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path) as ours:
            given = set()
            for identity in ("EVD-1", "EVD-2"):
                station = Station(ours, identity)
                station.keys |= {"AuthorizationKey": OLD, "SecurityProfile": "1"}
                await ours.http.put(f"/api/stations/{identity}", json={"authorizationKey": OLD})
                for _ in range(2):
                    async with station.connected(tmp_path) as peer:
                        call = asyncio.create_task(ours.http.put(f"/api/stations/{identity}/password"))
                        assert len((await station.serve(peer, "AuthorizationKey"))["value"]) == 40
                        response = await call
                        assert (response.status_code, response.json()) == (200, {"status": "Accepted"})
                    given.add(station.keys["AuthorizationKey"])
                    assert await admitted(station, tmp_path)
                    assert not await admitted(station, tmp_path, AuthorizationKey=OLD)
            assert len(given) == 4
            commands = await ours.get("/api/stations/EVD-1/commands")
            assert {command["request"]["value"] for command in commands} == {"********"}

    play(scenario())


@pytest.mark.requirement("WP-A01.FR.04")
def test_password_that_the_station_refuses_leaves_the_old_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path) as ours:
            station = Station(ours)
            station.keys |= {"AuthorizationKey": OLD, "SecurityProfile": "1"}
            station.refuses["AuthorizationKey"] = {"status": "Rejected"}
            await ours.http.put("/api/stations/EVD-1", json={"authorizationKey": OLD})
            async with station.connected(tmp_path) as peer:
                call = asyncio.create_task(ours.http.put("/api/stations/EVD-1/password"))
                value = (await station.serve(peer, "AuthorizationKey"))["value"]
                assert (await call).json() == {"status": "Rejected"}
            assert await admitted(station, tmp_path)
            assert not await admitted(station, tmp_path, AuthorizationKey=value)
            assert not (await ours.get("/api/stations/EVD-1/security"))["passwordChanging"]

    play(scenario())


@pytest.mark.parametrize("taken", [True, False], ids=["taken", "not taken"])
def test_password_change_cut_by_a_crash_leaves_the_station_in_with_whichever_it_has(
    tmp_path: Path, taken: bool
) -> None:
    """The supervision is gone between the request and the answer: both are right, until the station comes with one."""

    async def scenario() -> None:
        async with running(data=tmp_path) as ours:
            station = Station(ours)
            station.keys |= {"AuthorizationKey": OLD, "SecurityProfile": "1"}
            await ours.http.put("/api/stations/EVD-1", json={"authorizationKey": OLD})
            async with station.connected(tmp_path) as peer:
                call = asyncio.create_task(ours.http.put("/api/stations/EVD-1/password"))
                asked = await peer.calls.get()
                await peer.socket.close()
                assert (await call).status_code == 504
            new = asked[3]["value"]
        async with running(data=tmp_path) as ours:
            station.ours = ours
            assert (await ours.get("/api/stations/EVD-1/security"))["passwordChanging"]
            has, has_not = (new, OLD) if taken else (OLD, new)
            assert not await admitted(station, tmp_path, AuthorizationKey="22" * 16)
            assert await admitted(station, tmp_path, AuthorizationKey=has)
            assert not await admitted(station, tmp_path, AuthorizationKey=has_not)
            assert not (await ours.get("/api/stations/EVD-1/security"))["passwordChanging"]
        async with running(data=tmp_path) as ours:
            station.ours = ours
            assert not await admitted(station, tmp_path, AuthorizationKey=has_not)
            assert await admitted(station, tmp_path, AuthorizationKey=has)

    play(scenario())


def test_password_of_a_station_without_one_in_use_or_without_a_connection_is_not_changed() -> None:
    async def scenario() -> None:
        async with running() as ours:
            assert (await ours.http.put("/api/stations/EVD-1/password")).status_code == 404
            async with ours.station():
                response = await ours.http.put("/api/stations/EVD-1/password")
                assert (response.status_code, "security profile 0" in response.json()["error"]) == (409, True)
            await ours.until("/api/stations/EVD-1", lambda found: not found["connected"])
            response = await ours.http.put("/api/stations/EVD-1/password")
            assert (response.status_code, response.json()) == (409, {"error": "EVD-1 is not connected."})

    play(scenario())


@pytest.mark.requirement("WP-A00.FR.601", "WP-A02.FR.11")
def test_signing_request_is_accepted_and_the_certificate_follows_until_the_station_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is sent again after a CALLERROR-free silence: the connection ends before the first CertificateSigned."""
    monkeypatch.setattr(server_provisioning, "PAUSE_S", 0.05)

    async def scenario() -> None:
        async with running(data=tmp_path, tls=TlsOptions()) as ours:
            station = Station(ours)
            csr = station.csr("Forecourt")
            async with station.connected(tmp_path) as peer:
                assert await peer.ask("SignCertificate", {"csr": csr}) == {"status": "Accepted"}
                first = await peer.calls.get()
                assert first[2] == "CertificateSigned"
            async with station.connected(tmp_path) as peer:
                await station.serve(peer, "CertificateSigned")
                found = await ours.until(
                    "/api/stations/EVD-1/security", lambda found: found["certificates"][0]["state"] == "installed"
                )
            assert station.chain == first[3]["certificateChain"], "it is signed once"
            leaf = x509.load_pem_x509_certificate(first[3]["certificateChain"].encode())
            leaf.verify_directly_issued_by(
                x509.load_pem_x509_certificate((await ours.http.get("/api/authority")).content)
            )
            assert leaf.public_key() == station.key.public_key()
            assert found["certificates"][0]["serialNumber"] == f"{leaf.serial_number:X}"

    play(scenario())


@pytest.mark.requirement("WP-A02.FR.11")
def test_signing_request_accepted_before_a_crash_is_signed_after_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, tls=TlsOptions()) as ours:
            ours.supervision.provisioning.sign = lambda *_: None  # type: ignore[method-assign]
            station = Station(ours)
            async with station.connected(tmp_path) as peer:
                answer = await peer.ask("SignCertificate", {"csr": station.csr("Forecourt")})
                assert answer == {"status": "Accepted"}
        async with running(data=tmp_path, tls=TlsOptions()) as ours:
            station.ours = ours
            async with station.connected(tmp_path) as peer:
                await station.serve(peer, "CertificateSigned")
            assert station.chain is not None

    play(scenario())


def test_signing_request_with_another_name_is_rejected_and_the_reason_shown(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, tls=TlsOptions()) as ours:
            thief, station = Station(ours, "EVD-2"), Station(ours)
            async with station.connected(tmp_path), thief.connected(tmp_path) as peer:
                assert (await peer.ask("SignCertificate", {"csr": thief.csr("Forecourt")}))["status"] == "Rejected"
                assert (await peer.ask("SignCertificate", {"csr": thief.csr("Other")}))["status"] == "Rejected"
                thief.serial_number = "3N999999"
                assert (await peer.ask("SignCertificate", {"csr": thief.csr("Forecourt")}))["status"] == "Rejected"
                assert (await peer.ask("SignCertificate", {"csr": "nonsense"}))["status"] == "Rejected"
            found = (await ours.get("/api/stations/EVD-2/security"))["certificates"]
            assert {one["state"] for one in found} == {"rejected"}
            for why, one in zip(
                ("cannot be read", "'3N999999' came", "'Other' came", "of EVD-1 too"), found, strict=True
            ):
                assert why in one["reason"]

    play(scenario())


def test_serial_number_is_that_of_the_station_it_was_registered_for_whatever_others_say(tmp_path: Path) -> None:
    """Until then no station that claims it gets a certificate; it can be registered for one at a time."""

    async def scenario() -> None:
        async with running(data=tmp_path, tls=TlsOptions()) as ours:
            thief, station = Station(ours, "EVD-2"), Station(ours)
            async with station.connected(tmp_path) as peer, thief.connected(tmp_path) as other:
                csr = {"csr": station.csr("Forecourt")}
                assert (await peer.ask("SignCertificate", csr))["status"] == "Rejected"
                path, rule = "/api/stations/EVD-1", {"serialNumber": SERIAL}
                assert (await ours.http.put(path, json=rule)).is_success
                assert (await peer.ask("SignCertificate", csr))["status"] == "Accepted"
                assert (await other.ask("SignCertificate", {"csr": thief.csr("Forecourt")}))["status"] == "Rejected"
                refused = await ours.http.put("/api/stations/EVD-2", json=rule)
                assert (refused.status_code, refused.json()["error"]) == (
                    409,
                    f"{SERIAL} is registered as the serial number of EVD-1: give that one another first, or null.",
                )
                assert (await ours.http.put(path, json=rule)).is_success
                assert (await ours.http.put(path, json={"serialNumber": None})).is_success
                assert (await ours.http.put("/api/stations/EVD-2", json=rule)).is_success

    play(scenario())


def test_without_an_authority_every_signing_request_is_rejected() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station() as peer:
            assert await peer.ask("SignCertificate", {"csr": "PEM"}) == {"status": "Rejected"}
            assert (await ours.http.get("/api/authority")).status_code == 404

    play(scenario())


STEPS = {
    1: ["AuthorizationKey", "SecurityProfile"],
    2: ["AuthorizationKey", "GetInstalledCertificateIds", "InstallCertificate", "SecurityProfile"],
    3: [
        "GetInstalledCertificateIds",
        "InstallCertificate",
        "CpoName",
        "ExtendedTriggerMessage",
        "CertificateSigned",
        "SecurityProfile",
    ],
}


@pytest.mark.requirement("WP-A05.FR.09", "WP-A00.FR.805")
@pytest.mark.parametrize("target", [1, 2, 3])
def test_one_call_leads_a_station_to_another_profile_in_the_order_of_the_white_paper(
    tmp_path: Path, target: int
) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, tls=TlsOptions()) as ours:
            station = Station(ours)
            async with station.connected(tmp_path) as peer:
                response = await ours.http.put("/api/stations/EVD-1/security-profile", json={"profile": target})
                assert response.status_code == 202
                assert (await ours.get(response.headers["location"]))["state"] == "running"
                again = await ours.http.put("/api/stations/EVD-1/security-profile", json={"profile": target})
                assert again.status_code == 409
                await station.serve(peer, "SecurityProfile")
            assert station.asked == STEPS[target]
            async with station.connected(tmp_path):
                found = await upgraded(ours, "done")
                assert (found["profile"], found["formerProfile"], found["reason"]) == (target, 0, None)
                security = await ours.get("/api/stations/EVD-1/security")
                assert (security["securityProfile"], security["connectedProfile"]) == (target, target)
                down = await ours.http.put("/api/stations/EVD-1/security-profile", json={"profile": 1})
                assert down.status_code == 409
            assert not await admitted(station, tmp_path, SecurityProfile="0")
            assert await admitted(station, tmp_path)

    play(scenario())


@pytest.mark.parametrize(
    ("method", "rule", "why"),
    [
        ("PUT", {"securityProfile": 0}, "The operator decided on another security profile."),
        ("DELETE", None, "The operator deleted the station."),
    ],
)
def test_upgrade_ends_when_the_operator_changes_his_mind_and_does_not_go_on_after_a_restart(
    tmp_path: Path, method: str, rule: dict[str, Any] | None, why: str
) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, tls=TlsOptions()) as ours:
            assert (await ours.http.put("/api/stations/EVD-1", json={})).is_success
            station = Station(ours)
            async with station.connected(tmp_path) as peer:
                await ours.http.put("/api/stations/EVD-1/security-profile", json={"profile": 2})
                await station.serve(peer, "AuthorizationKey")
                assert (await ours.http.request(method, "/api/stations/EVD-1", json=rule)).is_success
                assert (await upgraded(ours, "failed"))["reason"] == why
                assert not ours.supervision.provisioning.leads("EVD-1")
        async with running(data=tmp_path, tls=TlsOptions()) as ours:
            assert (await ours.get("/api/stations/EVD-1/security-profile"))["state"] == "failed"
            assert not ours.supervision.provisioning.leads("EVD-1")

    play(scenario())


def test_upgrade_cut_by_a_crash_goes_on_after_it_without_doing_twice_what_is_done(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, tls=TlsOptions()) as ours:
            station = Station(ours)
            async with station.connected(tmp_path) as peer:
                await ours.http.put("/api/stations/EVD-1/security-profile", json={"profile": 3})
                await station.serve(peer, "CertificateSigned")
                await ours.until(
                    "/api/stations/EVD-1/security", lambda found: found["certificates"][0]["state"] == "installed"
                )
        station.asked.clear()
        async with running(data=tmp_path, tls=TlsOptions()) as ours:
            station.ours = ours
            async with station.connected(tmp_path) as peer:
                await station.serve(peer, "SecurityProfile")
            assert station.asked[-1] == "SecurityProfile"
            assert "CertificateSigned" not in station.asked
            async with station.connected(tmp_path):
                await upgraded(ours, "done")

    play(scenario())


def test_station_that_comes_back_with_its_old_profile_has_not_made_it_and_is_still_let_in(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, tls=TlsOptions()) as ours:
            station = Station(ours)
            async with station.connected(tmp_path) as peer:
                await ours.http.put("/api/stations/EVD-1/security-profile", json={"profile": 2})
                await station.serve(peer, "SecurityProfile")
            station.keys["SecurityProfile"] = "0"
            async with station.connected(tmp_path):
                found = await upgraded(ours, "failed")
                assert "came back with profile 0" in found["reason"]
            assert await admitted(station, tmp_path)
            assert not await admitted(station, tmp_path, SecurityProfile="2"), "it is expected with the old one"

    play(scenario())


@pytest.mark.parametrize(
    ("name", "answer", "why"),
    [
        ("AuthorizationKey", {"status": "NotSupported"}, "took no password: it answered NotSupported"),
        ("InstallCertificate", {"status": "Rejected"}, "did not install the root: it answered Rejected"),
        ("SecurityProfile", {"status": "Rejected"}, "does not change its profile: it answered Rejected"),
    ],
)
def test_step_that_the_station_refuses_ends_the_upgrade_with_a_reason(
    tmp_path: Path, name: str, answer: dict[str, Any], why: str
) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, tls=TlsOptions()) as ours:
            station = Station(ours)
            station.refuses[name] = answer
            async with station.connected(tmp_path) as peer:
                await ours.http.put("/api/stations/EVD-1/security-profile", json={"profile": 2})
                await station.serve(peer, name)
                assert why in (await upgraded(ours, "failed"))["reason"]
            assert await admitted(station, tmp_path)

    play(scenario())


def test_upgrade_to_tls_needs_tls_and_one_of_nobody_needs_a_station() -> None:
    async def scenario() -> None:
        async with running() as ours, ours.station():
            response = await ours.http.put("/api/stations/EVD-1/security-profile", json={"profile": 2})
            assert (response.status_code, "--tls" in response.json()["error"]) == (409, True)
            assert (await ours.http.get("/api/stations/EVD-1/security-profile")).status_code == 404
            assert (await ours.http.put("/api/stations/EVD-1/security-profile", json={"profile": 4})).status_code == 400
            assert (await ours.http.put("/api/stations/X/security-profile", json={"profile": 1})).status_code == 404

    play(scenario())


@pytest.mark.requirement("WP-A00.FR.702", "WP-A00.FR.704")
def test_station_with_a_revoked_certificate_is_let_in_no_more(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path, tls=TlsOptions()) as ours:
            station = Station(ours)
            station.root = (await ours.http.get("/api/authority")).text
            async with station.connected(tmp_path) as peer:
                await peer.ask("SignCertificate", {"csr": station.csr("Forecourt")})
                await station.serve(peer, "CertificateSigned")
            station.keys["SecurityProfile"] = "3"
            assert await admitted(station, tmp_path)
            found = (await ours.get("/api/stations/EVD-1/security"))["certificates"][0]
            path = f"/api/stations/EVD-1/certificates/{found['serialNumber']}"
            assert (await ours.http.delete(path.replace("EVD-1", "EVD-2"))).status_code == 404
            assert (await ours.http.delete(path)).status_code == 204
            assert not await admitted(station, tmp_path)
        async with running(data=tmp_path, tls=TlsOptions()) as ours:
            station.ours = ours
            assert not await admitted(station, tmp_path)
            events = await ours.get("/api/security-events", type="InvalidChargePointCertificate")
            assert "revoked" in events[0]["techInfo"]

    play(scenario())


def test_thousand_wrong_passwords_are_logged_once_and_the_real_station_gets_in(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path) as ours:
            await ours.http.put("/api/stations/EVD-1", json={"authorizationKey": OLD})
            station = Station(ours)
            station.keys |= {"AuthorizationKey": "99" * 16, "SecurityProfile": "1"}
            statuses = []
            for _ in range(1000):
                try:
                    async with station.connected(tmp_path, booted=False):
                        raise AssertionError("a wrong password was let in")
                except InvalidStatus as refusal:
                    statuses.append(refusal.response.status_code)
            assert statuses[0] == 401
            assert statuses[-1] == 429
            assert await admitted(station, tmp_path, AuthorizationKey=OLD)
            events = await ours.get("/api/security-events", station="EVD-1")
            assert len(events) <= 2
            assert {event["type"] for event in events} == {"FailedToAuthenticateAtCentralSystem"}

    play(scenario(), within_s=120)


def test_security_events_of_stations_and_of_the_supervision_are_found_by_station_type_and_time(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with running(data=tmp_path) as ours, ours.station() as peer, ours.station("EVD-2") as other:
            told = {"type": "SettingSystemTime", "timestamp": "2026-11-22T08:30:00Z", "techInfo": "by 3 s"}
            await peer.ask("SecurityEventNotification", told)
            await other.ask("SecurityEventNotification", told | {"type": "MemoryExhaustion"})
            ours.supervision.security_event("InvalidTLSVersion", "somebody")
            found = await ours.until("/api/security-events", lambda found: len(found) == 3)
            assert [event["source"] for event in found] == ["supervision", "station", "station"]
            (one,) = await ours.get("/api/security-events", station="EVD-1")
            assert (one["type"], one["techInfo"], one["timestamp"]) == (
                "SettingSystemTime",
                "by 3 s",
                "2026-11-22T08:30:00Z",
            )
            (one,) = await ours.get("/api/security-events", type="MemoryExhaustion")
            assert one["identity"] == "EVD-2"
            assert len(await ours.get("/api/security-events", before=found[0]["id"])) == 2
            assert len(await ours.get("/api/security-events", since="2020-01-01T00:00:00Z", limit=1)) == 1
            assert await ours.get("/api/security-events", since="2999-01-01T00:00:00Z") == []

    play(scenario())


def test_candidate_password_shows_in_no_repr() -> None:
    assert OLD not in repr(CandidateKeySet("EVD-1", OLD))
