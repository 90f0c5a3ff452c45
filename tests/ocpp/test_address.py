"""Addresses, identities and keys as OCPP-J sections 3.1 and 6.2.2 write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecourt.ocpp.address import AddressError, authorization_password, basic_authorization, identity_of, station_url


@pytest.mark.parametrize(
    ("endpoint", "identity", "url"),
    [
        ("ws://cs", "CP1", "ws://cs/CP1"),
        ("wss://cs/ocppj", "RDAM 123", "wss://cs/ocppj/RDAM%20123"),
        ("ws://cs:9000/ocppj/", "CP1", "ws://cs:9000/ocppj/CP1"),
        ("ws://cs/a%20b", "a/b?c#d%e:é", "ws://cs/a%20b/a%2Fb%3Fc%23d%25e%3A%C3%A9"),
        ("ws://cs/ocppj?token=x", "CP1", "ws://cs/ocppj/CP1?token=x"),
    ],
)
def test_station_address_is_endpoint_slash_and_encoded_identity(endpoint: str, identity: str, url: str) -> None:
    assert station_url(endpoint, identity) == url


@pytest.mark.parametrize(
    ("endpoint", "identity", "sentence"),
    [
        ("http://cs", "CP1", "begins with ws:// or wss://.*'http://cs'"),
        ("", "CP1", "begins with ws:// or wss://"),
        ("ws://cs", "", "identity of a station has at least one character"),
    ],
)
def test_address_that_cannot_be_is_refused_with_a_sentence(endpoint: str, identity: str, sentence: str) -> None:
    with pytest.raises(AddressError, match=sentence):
        station_url(endpoint, identity)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50))
def test_supervision_reads_every_identity_that_a_station_can_have(identity: str) -> None:
    path = station_url("ws://cs/ocppj?token=a/b", identity).removeprefix("ws://cs")
    assert path.isascii()
    assert identity_of(path) == identity


def test_path_without_an_identity_gives_an_empty_one_and_a_broken_one_is_refused() -> None:
    assert identity_of("/ocppj/") == ""
    with pytest.raises(AddressError, match="percent-encoded UTF-8, not '%FF'"):
        identity_of("/ocppj/%FF")


@pytest.mark.parametrize("digits", [32, 34, 40])
def test_key_of_16_to_20_bytes_in_hex_is_the_password(digits: int) -> None:
    key = ("00fF" * 10)[:digits]
    assert authorization_password(key) == bytes.fromhex(key)


@pytest.mark.parametrize("key", ["", "0" * 30, "0" * 33, "0" * 42, "g" * 32, " " * 32, "0" * 31 + "\n", "٣" * 32])
def test_other_keys_are_refused_without_being_repeated(key: str) -> None:
    with pytest.raises(AddressError, match="32 to 40 hexadecimal digits") as caught:
        authorization_password(key)
    assert not key or key not in str(caught.value)


def test_header_carries_the_bytes_of_the_key() -> None:
    key = "0001020304050607FFFFFFFFFFFFFFFFFFFFFFFF"
    header = basic_authorization("AL1000", authorization_password(key))
    assert header == "Basic QUwxMDAwOgABAgMEBQYH////////////////"
