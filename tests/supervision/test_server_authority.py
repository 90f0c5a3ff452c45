"""The supervision's certificate authority: what it makes, what it signs, and that nobody else can read its keys."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from forecourt.supervision.server_authority import SERVER_HOURS, Authority
from forecourt.supervision.server_key_files import AuthorityRefused
from forecourt.supervision.signing_requests import SigningRefused, judge_request, looks_like_address, subject_of_der

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

SERIAL = "3N000001"
OPERATOR = "Forecourt"


def request_of(
    common_name: str = SERIAL,
    organization: str = OPERATOR,
    key: CertificateIssuerPrivateKeyTypes | None = None,
) -> str:
    """A certificate signing request as a station makes it."""
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
        ]
    )
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    signed = builder.sign(key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def authority_in(folder: Path | None, **changes: object) -> Authority:
    options = {"hosts": ("localhost", "127.0.0.1"), "organization": OPERATOR, "now": time.time} | changes
    return Authority(folder, **options)  # type: ignore[arg-type]


def certificate_of(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


@pytest.mark.requirement("WP-A00.FR.601")
def test_authority_made_at_the_first_start_is_the_same_at_the_next_and_its_keys_are_for_its_owner_only(
    tmp_path: Path,
) -> None:
    first = authority_in(tmp_path)
    first.server_files()
    keys = sorted((tmp_path / "authority").glob("*.key"))
    assert [key.name for key in keys] == ["root.key", "server-ecdsa.key", "server-rsa.key"]
    assert {key.stat().st_mode & 0o777 for key in keys} == {0o600}
    assert (tmp_path / "authority").stat().st_mode & 0o777 == 0o700
    assert authority_in(tmp_path).root_pem == first.root_pem
    for file in (tmp_path / "authority").glob("*.pem"):
        assert "PRIVATE" not in file.read_text()


def test_key_file_that_others_can_read_is_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = authority_in(tmp_path).root_pem
    key = tmp_path / "authority" / "root.key"
    key.chmod(0o644)
    assert authority_in(tmp_path).root_pem == root
    assert key.stat().st_mode & 0o777 == 0o600
    assert "others could read it" in "".join(capsys.readouterr())


@pytest.mark.requirement("WP-A00.FR.505", "WP-A00.FR.506", "WP-A00.FR.507", "WP-A00.FR.508", "WP-A00.FR.509")
@pytest.mark.requirement("WP-A00.FR.512", "WP-A00.FR.510", "J-6.2.1-1")
def test_server_certificates_are_of_both_key_types_short_lived_and_name_host_and_operator(tmp_path: Path) -> None:
    authority = authority_in(tmp_path)
    root = certificate_of(authority.root_pem)
    kinds = []
    for file, _key in authority.server_files():
        text = file.read_text()
        assert text.startswith("-----BEGIN CERTIFICATE-----")
        leaf = certificate_of(text)
        leaf.verify_directly_issued_by(root)
        kinds.append(type(leaf.public_key()).__name__)
        assert leaf.signature_algorithm_oid == x509.SignatureAlgorithmOID.ECDSA_WITH_SHA256
        assert leaf.serial_number > 0
        assert leaf.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == OPERATOR
        assert leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "localhost"
        assert leaf.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
        assert not leaf.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
        assert (leaf.not_valid_after_utc - leaf.not_valid_before_utc).total_seconds() < 24 * 3600
        assert len(leaf.public_bytes(serialization.Encoding.DER)) <= 2048
    assert kinds == ["ECPublicKey", "RSAPublicKey"]


@pytest.mark.requirement("WP-A00.FR.505")
def test_outside_rsa_authority_signs_with_rsa_pss(tmp_path: Path) -> None:
    outside = outside_authority(tmp_path, rsa.generate_private_key(65537, 2048))
    authority = authority_in(None, outside=outside)
    assert authority.root_pem == outside[0].read_text()
    for chain in (authority.issue(request_of()).chain, *(file.read_text() for file, _ in authority.server_files())):
        leaf = certificate_of(chain)
        leaf.verify_directly_issued_by(certificate_of(authority.root_pem))
        assert leaf.signature_algorithm_oid == x509.SignatureAlgorithmOID.RSASSA_PSS
    authority.close()


def outside_authority(folder: Path, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> tuple[Path, Path]:
    """Files of somebody else's root and its key."""
    made = authority_in(folder / "made")
    made._key = key
    root = made._make_root(key)
    certificate_file, key_file = folder / "outside.pem", folder / "outside.key"
    certificate_file.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    key_file.touch(0o600)
    form = serialization.PrivateFormat.PKCS8
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return certificate_file, key_file


@pytest.mark.requirement("WP-A00.FR.703")
def test_outside_authority_takes_the_place_of_the_own_one_unless_its_key_is_open_to_others(tmp_path: Path) -> None:
    certificate_file, key_file = outside_authority(tmp_path, ec.generate_private_key(ec.SECP256R1()))
    authority = authority_in(tmp_path / "data", outside=(certificate_file, key_file))
    assert authority.root_pem == certificate_file.read_text()
    assert not (tmp_path / "data" / "authority" / "root.key").exists()
    key_file.chmod(0o640)
    with pytest.raises(AuthorityRefused, match="can be read by others"):
        authority_in(tmp_path / "data", outside=(certificate_file, key_file))
    with pytest.raises(AuthorityRefused, match="cannot be read"):
        authority_in(tmp_path / "data", outside=(certificate_file, tmp_path / "missing"))


def test_authority_that_is_none_or_has_another_key_is_refused(tmp_path: Path) -> None:
    certificate_file, key_file = outside_authority(tmp_path, ec.generate_private_key(ec.SECP256R1()))
    leaf_file, leaf_key = authority_in(tmp_path / "data").server_files()[0]
    with pytest.raises(AuthorityRefused, match="the root of an authority"):
        authority_in(None, outside=(leaf_file, leaf_key))
    with pytest.raises(AuthorityRefused, match="that of another"):
        authority_in(None, outside=(certificate_file, leaf_key))
    certificate_file.write_text("nonsense")
    with pytest.raises(AuthorityRefused, match="in PEM"):
        authority_in(None, outside=(certificate_file, key_file))


def test_server_certificates_are_renewed_when_half_of_their_time_is_over_or_the_host_is_another(
    tmp_path: Path,
) -> None:
    clock = [1_800_000_000.0]
    authority = authority_in(tmp_path, now=lambda: clock[0])
    first = [file.read_bytes() for file, _ in authority.server_files()]
    clock[0] += SERVER_HOURS / 2 * 3600 - 60
    assert [file.read_bytes() for file, _ in authority.server_files()] == first
    clock[0] += 120
    second = [file.read_bytes() for file, _ in authority.server_files()]
    assert set(first).isdisjoint(second)
    moved = authority_in(tmp_path, now=lambda: clock[0], hosts=("cs.example", "127.0.0.1"))
    assert set(second).isdisjoint(file.read_bytes() for file, _ in moved.server_files())


@pytest.mark.requirement("WP-A00.FR.511")
def test_certificate_of_a_station_has_the_key_and_the_name_of_its_request_and_is_for_clients_only() -> None:
    authority = authority_in(None)
    key = ec.generate_private_key(ec.SECP256R1())
    issued = authority.issue(request_of(key=key))
    leaf = certificate_of(issued.chain)
    assert leaf.public_key() == key.public_key()
    subject = subject_of_der(leaf.public_bytes(serialization.Encoding.DER))
    assert (subject.common_name, subject.organization, subject.serial) == (SERIAL, OPERATOR, issued.serial)
    purposes = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [purpose.dotted_string for purpose in purposes] == ["1.3.6.1.5.5.7.3.2"]
    authority.close()


@pytest.mark.requirement("WP-A00.FR.501", "WP-A00.FR.502", "WP-A00.FR.503")
def test_request_with_another_name_a_weak_key_or_a_broken_signature_is_refused() -> None:
    good = request_of()
    assert judge_request(good, SERIAL, OPERATOR).common_name == SERIAL
    weak_rsa = rsa.generate_private_key(65537, 1024)
    weak_curve = ec.generate_private_key(ec.SECP192R1())
    for csr, serial_number, why in (
        (request_of("3N999999"), SERIAL, "3N000001 was expected as CN; '3N999999' came"),
        (request_of(organization="Other"), SERIAL, "'Forecourt' was expected as O; 'Other' came"),
        (good, "", "not known"),
        (request_of("10.0.0.1"), "10.0.0.1", "must not look like an address"),
        (request_of(key=weak_rsa), SERIAL, "2048 bits or more was expected; 1024 came"),
        (request_of(key=weak_curve), SERIAL, "224 bits or more was expected; 192 came"),
        (tampered(good), SERIAL, "not signed by the key"),
        ("nonsense", SERIAL, "cannot be read"),
    ):
        with pytest.raises(SigningRefused, match=why):
            judge_request(csr, serial_number, OPERATOR)


def tampered(csr: str) -> str:
    """The request with the name of somebody else in it, under the old signature."""
    der = x509.load_pem_x509_csr(csr.encode()).public_bytes(serialization.Encoding.DER)
    changed = der.replace(OPERATOR.encode(), OPERATOR[::-1].encode())
    return x509.load_der_x509_csr(changed).public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize("name", ["10.0.0.1", "::1", "https://cs", "cs.example.com", "CS:9000"])
def test_name_that_looks_like_an_address_is_known(name: str) -> None:
    assert looks_like_address(name)
    assert not looks_like_address(SERIAL)
