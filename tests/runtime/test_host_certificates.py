"""A hosted station with its own certificates, over TLS: real keys, real handshakes, real refusals."""

from __future__ import annotations

import ssl
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from forecourt.runtime.tls import problem_of
from forecourt.station.effects import SaveRecord
from tests.authorities import SUPERVISION, Authority
from tests.hosted_rig import until
from tests.tls_rig import KEY, NOW, ROOT, VALID, TlsRig, connected, give_certificate, openssl_server, server_chain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.requirement("GUIDE-SEC-02", "GUIDE-SEC-05", "WP-A05.FR.06", "WP-A05.FR.07", "WP-M04.FR.06")
def test_station_goes_from_profile_0_to_2_to_3_over_tls(play: Callable[..., None], tmp_path: Path) -> None:
    """Each time it comes back by itself, in the end without a password and with the certificate just signed."""
    rig = TlsRig(server_chain(tmp_path, ROOT), tmp_path)

    async def scenario() -> None:
        async with connected(rig) as station:
            (first,) = rig.strict.handshakes
            assert (first.secured, first.credentials, first.certificate) == (True, None, None)
            chain = await give_certificate(rig)
            for profile in ("2", "3"):
                seen = len(rig.strict.handshakes)
                rig.strict.wants_certificate = profile == "3"
                assert await rig.ask("ChangeConfiguration", {"key": "SecurityProfile", "value": profile}) == "Accepted"
                await until(lambda seen=seen: len(rig.strict.handshakes) > seen and rig.strict.links)  # type: ignore[misc]
            _, second, third = rig.strict.handshakes
            assert second.credentials is not None
            assert (second.credentials.user, second.credentials.password) == ("STATION 1", bytes.fromhex(KEY))
            assert second.certificate is None
            assert third.credentials is None
            leaf, _ = x509.load_pem_x509_certificates(chain.encode())
            assert third.certificate == leaf.public_bytes(serialization.Encoding.DER)
            installed = await rig.supervision.call("GetInstalledCertificateIds", {"certificateType": SUPERVISION})
            (data,) = installed["certificateHashData"]
            assert await rig.ask("DeleteCertificate", {"certificateHashData": data}) == "Failed"
            snapshot = station.snapshot()
            assert snapshot is not None
            assert snapshot.keysChanged["SecurityProfile"] == "3"

    play(scenario())


@pytest.mark.requirement("WP-M05.FR.13", "WP-M05.FR.12", "WP-A00.FR.307")
def test_server_under_another_root_is_refused_and_one_under_the_fallback_let_in(
    play: Callable[..., None], tmp_path: Path
) -> None:
    """The new root is signed by the old one; the server still shows a chain to the old one."""
    rig = TlsRig(server_chain(tmp_path, ROOT))
    settings = {"ISO15118PnCEnabled": "true", "AdditionalRootCertificateCheck": "true"}

    async def scenario() -> None:
        async with connected(rig, **settings) as station:
            new = Authority("New", ROOT, valid=VALID)
            for root in (ROOT, new):
                installed = {"certificateType": SUPERVISION, "certificate": root.pem}
                assert await rig.ask("InstallCertificate", installed) == "Accepted"
            ids = {"certificateType": SUPERVISION}
            seen = len(rig.strict.handshakes)
            rig.strict.links[-1].close(1001, "Restart.")
            await rig.come_back(seen)
            told = await rig.supervision.call("GetInstalledCertificateIds", ids)
            assert len(told["certificateHashData"]) == 2
            rig.context.load_cert_chain(server_chain(tmp_path, new))
            seen = len(rig.strict.handshakes)
            rig.strict.links[-1].close(1001, "Restart.")
            await rig.come_back(seen)
            told = await rig.supervision.call("GetInstalledCertificateIds", ids)
            assert len(told["certificateHashData"]) == 1
            assert station.snapshot() is not None

    play(scenario())


@pytest.mark.requirement("WP-A02.FR.05")
def test_process_that_starts_again_shows_the_certificate_it_was_given(
    play: Callable[..., None], tmp_path: Path
) -> None:
    rig = TlsRig(server_chain(tmp_path, ROOT), tmp_path)

    async def scenario() -> None:
        async with connected(rig):
            await give_certificate(rig)
            await rig.host.stop()
            rig.strict.wants_certificate = True
            rig.host = rig.make_host()
            seen = len(rig.strict.handshakes)
            await rig.add(SecurityProfile="3")
            await rig.come_back(seen)
            assert rig.strict.handshakes[-1].certificate is not None
            secret = next((tmp_path / "keys").iterdir()).read_bytes().splitlines()[1]
            others = [file for file in tmp_path.iterdir() if file.is_file()]
            assert any(file.name == "records.sqlite" for file in others)
            assert not any(secret in file.read_bytes() for file in others)
            assert secret.decode() not in msgspec.json.encode(rig.supervision.calls).decode()

    play(scenario())


@pytest.mark.parametrize("profile", ["2", "3"])
@pytest.mark.parametrize("wrong", ["foreign", "expired", "not yet valid", "other host"])
@pytest.mark.requirement("WP-A00.FR.308", "WP-A00.FR.309", "WP-A00.FR.310")
@pytest.mark.requirement("WP-A00.FR.411", "WP-A00.FR.412", "WP-A00.FR.413", "WP-A00.FR.414")
def test_wrong_certificate_of_the_supervision_is_refused_and_told_of_later(
    play: Callable[..., None], tmp_path: Path, wrong: str, profile: str
) -> None:
    """No request comes through, not even that of the WebSocket."""
    spans = {"expired": (-9, -1), "not yet valid": (1, 9)}
    authority = Authority("Foreign", valid=VALID) if wrong == "foreign" else ROOT
    host = "else.example" if wrong == "other host" else ""
    days = [NOW + timedelta(days=day) for day in spans.get(wrong, ())]
    bad = server_chain(tmp_path, authority, valid=(days[0], days[1]) if days else VALID, host=host)
    rig = TlsRig(bad)

    async def scenario() -> None:
        async with rig:
            station = await rig.add(SecurityProfile=profile)
            await until(lambda: (found := station.snapshot()) is not None and found.link.state == "waiting")
            snapshot = station.snapshot()
            assert snapshot is not None
            assert "certificate" in snapshot.link.problem
            assert rig.strict.handshakes == []
            rig.context.load_cert_chain(server_chain(tmp_path, ROOT))
            told = rig.supervision.payloads
            await until(
                lambda: "InvalidCentralSystemCertificate" in [one["type"] for one in told("SecurityEventNotification")]
            )

    play(scenario())


OLD = ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
WEAK = ("-tls1_2", "-cipher", "NULL-SHA256:@SECLEVEL=0")
WEAKER = ("-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0")


@pytest.mark.usefixtures("openssl")
@pytest.mark.parametrize("profile", ["2", "3"])
@pytest.mark.parametrize(
    ("options", "event"),
    [
        (OLD, "InvalidTLSVersion"),
        (WEAK, "InvalidTLSCipherSuite"),
        (WEAKER, "InvalidTLSCipherSuite"),
        (("-tls1_3",), "InvalidCentralSystemCertificate"),
    ],
)
@pytest.mark.requirement("WP-A00.FR.315", "WP-A00.FR.419", "WP-A00.FR.322", "WP-A00.FR.426")
def test_station_closes_on_old_or_weak_tls_and_notes_it(
    play: Callable[..., None], tmp_path: Path, options: tuple[str, ...], event: str, profile: str
) -> None:
    async def scenario() -> None:
        async with openssl_server(tmp_path, *options) as port, TlsRig(server_chain(tmp_path, ROOT)) as rig:
            rig.url = f"wss://127.0.0.1:{port}"
            saved: list[bytes] = []
            station = await rig.add(SecurityProfile=profile)
            station.seat.listen(lambda what, at: saved.append(what.data) if isinstance(what, SaveRecord) else None)
            await until(lambda: any(event.encode() in data for data in saved))
            assert not any(b'"InvalidTLS' in data and event.encode() not in data for data in saved)
            snapshot = station.snapshot()
            assert snapshot is not None
            assert snapshot.link.state == "waiting"

    play(scenario())


def test_what_is_no_matter_of_tls_is_no_problem_of_tls() -> None:
    assert problem_of(ConnectionRefusedError()) is None
    assert problem_of(ssl.SSLError(1, "wrong version number")) is None
