"""Station passwords as the supervision keeps them: salted digests.

A station's AuthorizationKey is random and holds 128 bits or more, so a fast digest is enough; nobody can guess it. The
salt comes in as an argument.
"""

from __future__ import annotations

import hashlib
import hmac

import msgspec

SALT_BYTES = 16


class KeyDigest(msgspec.Struct, frozen=True, gc=False):
    """What is left of an AuthorizationKey: enough to recognise it, in both of its forms."""

    salt: bytes
    bytes_digest: bytes | None
    """Of the bytes its hex digits stand for; None for a key that is no hex text."""
    text_digest: bytes
    """Of the text itself: some stations send the hex digits, or have a literal password."""

    def matches(self, password: bytes) -> bool:
        """Whether a Basic password, as its bytes came, is this key."""
        digest = _digest(password, self.salt)
        by_bytes = self.bytes_digest is not None and hmac.compare_digest(digest, self.bytes_digest)
        return hmac.compare_digest(digest, self.text_digest) or by_bytes


def digest_key(authorization_key: str, salt: bytes) -> KeyDigest:
    """The digests of a key: 32 to 40 hex digits, or a literal password."""
    try:
        key_bytes = bytes.fromhex(authorization_key)
    except ValueError:
        key_bytes = None
    return KeyDigest(
        salt=salt,
        bytes_digest=None if key_bytes is None else _digest(key_bytes, salt),
        text_digest=_digest(authorization_key.encode(), salt),
    )


def _digest(password: bytes, salt: bytes) -> bytes:
    return hashlib.blake2b(password, digest_size=32, salt=salt).digest()
