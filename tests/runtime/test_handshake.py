"""Reading of Authorization headers. The rest of the handshake is proved on the wire in `test_link.py`."""

from __future__ import annotations

from base64 import b64encode

import pytest

from forecourt.runtime.handshake import Credentials, read_credentials


def basic(text: bytes, scheme: str = "Basic") -> str:
    return f"{scheme} {b64encode(text).decode()}"


@pytest.mark.parametrize(
    ("header", "user", "password"),
    [
        (basic(b"CP1:\x00\xff:\xfe"), "CP1", b"\x00\xff:\xfe"),
        (basic(b"CP1:", "bAsIc"), "CP1", b""),
        (basic(b"a:b:secret"), "a:b", b"secret"),
        (basic(b"other:b:secret"), "other", b"b:secret"),
        (basic(b"\xff:secret"), "\ufffd", b"secret"),
        ("Basic  " + b64encode(b"CP1:x").decode(), "CP1", b"x"),
    ],
)
def test_credentials_keep_the_bytes_of_the_password(header: str, user: str, password: bytes) -> None:
    identity = "a:b" if user == "a:b" else "CP1"
    credentials = read_credentials(header, identity)
    assert credentials is not None
    assert (credentials.user, credentials.password) == (user, password)


@pytest.mark.parametrize("header", ["", "Basic", "Basic ", "Basic ***", "Basic é", basic(b"no colon"), "Bearer eDp5"])
def test_header_that_cannot_be_read_gives_no_credentials(header: str) -> None:
    assert read_credentials(header, "CP1") is None


def test_credentials_never_show_their_password() -> None:
    assert "secret" not in repr(Credentials("CP1", b"secret"))
    assert "secret" not in str([Credentials("CP1", b"secret")])
