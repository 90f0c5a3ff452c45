"""The contexts of TLS, and the authorities that a user names."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from forecourt.runtime.tls import TrustError, client_context, read_authorities

if TYPE_CHECKING:
    from pathlib import Path


def test_the_authorities_of_a_file_are_trusted_in_place_of_the_systems(tmp_path: Path) -> None:
    roots = tmp_path / "roots.pem"
    trustme.CA().cert_pem.write_to_path(str(roots))
    context = client_context(read_authorities(roots))
    assert len(context.get_ca_certs()) == 1
    assert context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    "content", [b"", b"nothing", b"\xff", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_file_without_certificates_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "roots.pem").write_bytes(content)
    with pytest.raises(TrustError, match="expected to hold certificates in PEM"):
        read_authorities(tmp_path / "roots.pem")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrustError, match="No such file"):
        read_authorities(tmp_path / "roots.pem")
