"""Private keys of stations: in files that only the owner can read, or in memory."""

from __future__ import annotations

import asyncio
import stat
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from forecourt.runtime.keys import CONTEXTS_KEPT, Keys
from forecourt.station.effects import MakeCertificateRequest, OpenLink
from forecourt.station.events import CertificateRequestFailed, CertificateRequestMade
from tests.authorities import Authority

if TYPE_CHECKING:
    from pathlib import Path

    from forecourt.station.events import Event

EFFECT = MakeCertificateRequest("1-key-1", "1S2447000017", "Volt & Söhne")
URL = "wss://127.0.0.1:9/A"


def make(keys: Keys, effect: MakeCertificateRequest = EFFECT, station: str = "A") -> Event:
    """What comes of the effect."""
    heard: list[Event] = []

    async def play() -> None:
        keys.make(asyncio.get_running_loop(), station, effect, heard.append)
        await keys.close()

    asyncio.run(play())
    (event,) = heard
    return event


def own_link(keys: Keys, made: CertificateRequestMade, station: str = "A") -> object:
    """The context of a link that shows a certificate for the key."""
    root = Authority()
    effect = OpenLink(URL, station, None, (root.pem,), root.sign(made.csr), made.id)
    return keys.context(station, effect)


@pytest.mark.requirement("WP-A02.FR.05", "WP-A03.FR.05")
def test_key_is_in_a_file_that_only_its_owner_can_read(tmp_path: Path) -> None:
    made = make(Keys(tmp_path / "keys"))
    assert isinstance(made, CertificateRequestMade)
    (file,) = (tmp_path / "keys").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    key = serialization.load_pem_private_key(file.read_bytes(), None)
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert made.public_key == public
    assert "PRIVATE" not in repr(made)


def test_request_is_signed_with_the_key_and_carries_the_names() -> None:
    made = make(Keys())
    assert isinstance(made, CertificateRequestMade)
    csr = x509.load_pem_x509_csr(made.csr.encode())
    assert csr.is_signature_valid
    names = {each.oid: each.value for each in csr.subject}
    assert names == {NameOID.COMMON_NAME: EFFECT.common_name, NameOID.ORGANIZATION_NAME: EFFECT.organization}


@pytest.mark.parametrize("in_files", [True, False])
def test_key_is_found_until_it_is_forgotten_and_only_by_its_station(tmp_path: Path, in_files: bool) -> None:
    keys = Keys(tmp_path if in_files else None)
    made = make(keys)
    assert isinstance(made, CertificateRequestMade)
    context = own_link(keys, made)
    assert own_link(keys, made) is not context  # another certificate, although for the same key
    with pytest.raises(FileNotFoundError):
        own_link(keys, made, "B")
    keys.forget("A", made.id)
    keys.forget("A", made.id)
    with pytest.raises(FileNotFoundError):
        own_link(keys, made)


def test_keys_go_with_their_station_to_another_identity(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    made, other = make(keys), make(keys, station="AB")
    assert isinstance(made, CertificateRequestMade)
    assert isinstance(other, CertificateRequestMade)
    keys.rename("A", "Ä/../B")
    assert own_link(keys, made, "Ä/../B")
    assert own_link(keys, other, "AB")
    with pytest.raises(FileNotFoundError):
        own_link(keys, made)


def test_disk_that_takes_no_key_is_told(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("in the way")
    failed = make(Keys(tmp_path / "keys"))
    assert isinstance(failed, CertificateRequestFailed)
    assert (failed.id, "no key could be kept" in failed.reason) == (EFFECT.id, True)


def test_links_that_trust_alike_share_a_context_and_few_are_kept() -> None:
    keys, roots = Keys(), [Authority(f"Root {number}").pem for number in range(CONTEXTS_KEPT + 1)]
    first = keys.context("A", OpenLink(URL, "A", None, (roots[0],)))
    assert first is not None
    assert keys.context("B", OpenLink(URL, "B", None, (roots[0],))) is first
    for root in roots[1:]:
        keys.context("A", OpenLink(URL, "A", None, (root,)))
    assert keys.context("A", OpenLink(URL, "A", None, (roots[0],))) is not first


def test_link_that_needs_nothing_of_its_own_gets_the_shared_context() -> None:
    keys = Keys()
    assert keys.context("A", OpenLink(URL, "A", None)) is None
    assert keys.context("A", OpenLink("ws://127.0.0.1:9/A", "A", None, (Authority().pem,))) is None


def test_station_that_lost_all_roots_trusts_nobody() -> None:
    context = Keys().context("A", OpenLink(URL, "A", None, ()))
    assert context is not None
    assert context.get_ca_certs() == []
    assert context.cert_store_stats()["x509"] == 0
