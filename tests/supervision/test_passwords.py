"""What the supervision keeps of a station's password recognises it and nothing else."""

from __future__ import annotations

import pytest

from forecourt.supervision.passwords import SALT_BYTES, digest_key

SALT = bytes(range(SALT_BYTES))
KEY = "0001020304050607FFFFFFFFFFFFFFFFFFFFFFFF"


@pytest.mark.parametrize(
    ("password", "matches"),
    [
        (bytes.fromhex(KEY), True),
        (KEY.encode(), True),
        (KEY.lower().encode(), False),
        (bytes.fromhex(KEY)[:-1], False),
        (b"", False),
    ],
)
def test_hex_key_matches_its_bytes_and_its_text(password: bytes, matches: bool) -> None:
    assert digest_key(KEY, SALT).matches(password) is matches


def test_literal_password_matches_its_text_only() -> None:
    digest = digest_key("correct horse battery", SALT)
    assert digest.matches(b"correct horse battery")
    assert not digest.matches(b"correct horse")
    assert digest.bytes_digest is None


def test_same_key_with_another_salt_leaves_another_digest() -> None:
    assert digest_key(KEY, SALT).text_digest != digest_key(KEY, SALT[::-1]).text_digest
    assert KEY.encode() not in repr(digest_key(KEY, SALT)).encode()
