"""Certificates from outside: of the TLS server, on sockets and refused at the start, and the manufacturer's roots."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from forecourt.supervision.server_certificates import Manufacturer, OutsideCertificates, is_issued_by
from forecourt.supervision.server_key_files import AuthorityRefused
from forecourt.supervision.server_security import TlsOptions
from tests.authorities import Authority, key_of
from tests.supervision_peers import play, running

if TYPE_CHECKING:
    from pathlib import Path

RSA, ECDSA = trustme.KeyType.RSA, trustme.KeyType.ECDSA


def files(
    folder: Path, ca: trustme.CA, *names: str, key: trustme.KeyType = ECDSA, with_root: bool = True, **how: Any
) -> tuple[Path, Path]:
    """A server certificate of somebody else's authority and its key, as files."""
    leaf = ca.issue_cert(*names, key_type=key, **how)
    certificate, private = folder / f"{key.name}-{names[0]}.pem", folder / f"{key.name}-{names[0]}.key"
    chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
    certificate.write_bytes(chain + (ca.cert_pem.bytes() if with_root else b""))
    private.touch(mode=0o600)
    private.write_bytes(leaf.private_key_pem.bytes())
    return certificate, private


def opened(*pairs: tuple[Path, Path], hosts: tuple[str, ...] = ()) -> OutsideCertificates:
    return OutsideCertificates(pairs, hosts, time.time)


@pytest.mark.usefixtures("openssl")
def test_both_certificates_from_outside_are_shown_and_their_root_is_what_stations_get(tmp_path: Path) -> None:
    ca = trustme.CA()
    pairs = (
        files(tmp_path, ca, "charging.example", "localhost"),
        files(tmp_path, ca, "charging.example", "localhost", key=RSA),
    )

    async def scenario() -> None:
        async with running(data=tmp_path / "data", tls=TlsOptions(port=0, certificates=pairs)) as ours:
            security = ours.supervision.security
            assert security is not None
            assert security.hosts == ("charging.example", "localhost")
            root = (await ours.http.get("/api/authority")).text
            assert root == ca.cert_pem.bytes().decode()
            (tmp_path / "root.pem").write_text(root)
            for suite, (file, _) in zip(("ECDHE-ECDSA-AES128-GCM-SHA256", "AES128-GCM-SHA256"), pairs, strict=True):
                options = ("-connect", f"127.0.0.1:{security.tls_port}", "-tls1_2", "-cipher", suite)
                checks = ("-CAfile", str(tmp_path / "root.pem"), "-verify_return_error")
                done = await asyncio.to_thread(
                    subprocess.run,
                    ["openssl", "s_client", *options, *checks, "-verify_hostname", "localhost"],
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                assert done.returncode == 0, done.stderr
                begin = done.stdout.index("-----BEGIN")
                shown = x509.load_pem_x509_certificate(done.stdout[begin:].encode())
                assert shown == x509.load_pem_x509_certificate(file.read_bytes())
            # Whoever renews the files replaces them; what is broken is not taken.
            files(tmp_path, ca, "charging.example", "localhost")
            await security.renew()
            renewed = pairs[0][0].read_bytes()
            assert renewed.startswith(await _served(ours, ca))
            pairs[0][0].write_text("nothing")
            await security.renew()
            assert renewed.startswith(await _served(ours, ca))

    async def _served(ours: Any, ca: trustme.CA) -> bytes:
        context = ssl.create_default_context(cadata=ca.cert_pem.bytes().decode())
        context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        port = ours.supervision.security.tls_port
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        return x509.load_der_x509_certificate(shown).public_bytes(serialization.Encoding.PEM)

    play(scenario())


def test_certificate_without_its_root_leaves_stations_to_the_operator(tmp_path: Path) -> None:
    pair = files(tmp_path, trustme.CA(), "localhost", with_root=False)

    async def scenario() -> None:
        async with running(tls=TlsOptions(certificates=(pair,))) as ours:
            response = await ours.http.get("/api/authority")
            assert (response.status_code, "without its root" in response.json()["error"]) == (404, True)

    play(scenario())


def test_each_thing_that_is_wrong_with_a_server_certificate_is_told_in_a_sentence(tmp_path: Path) -> None:
    ca = trustme.CA()
    good = files(tmp_path, ca, "localhost")
    other = files(tmp_path, ca, "other.example")
    past = files(tmp_path, ca, "past.example", not_after=datetime.now(UTC) - timedelta(days=1))
    future = files(
        tmp_path,
        ca,
        "future.example",
        not_before=datetime.now(UTC) + timedelta(days=1),
        not_after=datetime.now(UTC) + timedelta(days=2),
    )
    assert opened(good, hosts=("localhost",)).hosts == ("localhost",)
    wrong = {
        "that of another": ((good[0], other[1]),),
        "has expired": (past,),
        "valid only from": (future,),
        "One certificate of each key type": (good, other),
        "cannot be read": ((good[0], tmp_path / "none.key"),),
        "in PEM": ((good[1], good[1]),),
    }
    for sentence, pairs in wrong.items():
        with pytest.raises(AuthorityRefused, match=sentence):
            opened(*pairs)
    with pytest.raises(AuthorityRefused, match=r"was expected to name station\.example; it names localhost"):
        opened(good, hosts=("station.example",))
    good[1].chmod(0o644)
    with pytest.raises(AuthorityRefused, match="can be read by others"):
        opened(good)


def test_certificate_with_a_star_names_one_label(tmp_path: Path) -> None:
    pair = files(tmp_path, trustme.CA(), "*.charging.example", "127.0.0.1")
    assert opened(pair, hosts=("a.charging.example", "127.0.0.1")).hosts == ("a.charging.example", "127.0.0.1")
    for host in ("charging.example", "a.b.charging.example", "127.0.0.2"):
        with pytest.raises(AuthorityRefused, match="was expected to name"):
            opened(pair, hosts=(host,))


def test_certificate_of_an_authority_or_for_clients_is_none_of_a_server(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    authority = Authority("Root", valid=(now - timedelta(days=1), now + timedelta(days=1)))
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    purpose = x509.ExtendedKeyUsage([x509.ObjectIdentifier("1.3.6.1.5.5.7.3.2")])
    key = key_of("a client of somebody")
    valid = (now - timedelta(days=1), now + timedelta(days=1))
    nameless = authority.issue(key.public_key(), valid=valid)
    client = authority.issue(key.public_key(), valid=valid, extensions=(names, purpose))
    certificate, private = tmp_path / "a.pem", tmp_path / "a.key"
    private.touch(mode=0o600)
    form = serialization.PrivateFormat.PKCS8
    pem = serialization.Encoding.PEM
    private.write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))
    for made, sentence in ((nameless, "names no server"), (client, "for servers; it is for other purposes")):
        certificate.write_bytes(made.public_bytes(pem))
        with pytest.raises(AuthorityRefused, match=sentence):
            opened((certificate, private))


def test_manufacturers_file_holds_valid_roots_and_nothing_else(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    valid = (now - timedelta(days=1), now + timedelta(days=1))
    works, former = Authority("Works", valid=valid), Authority("Former", valid=(valid[0] - timedelta(days=9), valid[0]))
    file = tmp_path / "works.pem"
    file.write_text(works.pem + Authority("Second works", valid=valid).pem)
    roots = Manufacturer(file, time.time()).roots
    assert len(roots) == 2
    leaf = works.issue(key_of("a station").public_key(), valid=valid)
    der = leaf.public_bytes(serialization.Encoding.DER)
    assert is_issued_by(der, roots[0])
    assert not is_issued_by(der, roots[1])
    assert not is_issued_by(b"none", roots[0])
    for text, sentence in (
        ("", "in PEM"),
        (former.pem, "that are valid now"),
        (leaf.public_bytes(serialization.Encoding.PEM).decode(), "roots of a manufacturer only"),
        (Authority("Below", works, valid=valid).pem, "roots of a manufacturer only"),
    ):
        file.write_text(text)
        with pytest.raises(AuthorityRefused, match=sentence):
            Manufacturer(file, time.time())
    with pytest.raises(AuthorityRefused, match="No such file"):
        Manufacturer(tmp_path / "none.pem", time.time())
