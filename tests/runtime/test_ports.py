"""Ports that cannot be had, and how an address is written."""

from __future__ import annotations

import errno

import pytest

from forecourt.runtime.ports import host_and_port, port_unavailable


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.EADDRINUSE, "Port 80 of 10.0.0.1 is already in use: choose another port or end what uses it."),
        (errno.EACCES, "Port 80 of 10.0.0.1 may not be used by this user: choose one above 1023."),
        (errno.EADDRNOTAVAIL, "Nothing can listen on 10.0.0.1, port 80: not here."),
    ],
)
def test_port_that_cannot_be_had_is_named_with_what_to_do(number: int, sentence: str) -> None:
    assert str(port_unavailable(OSError(number, "not here"), "10.0.0.1", 80)) == sentence


def test_address_of_ipv6_has_brackets() -> None:
    assert host_and_port("::1", 80) == "[::1]:80"
    assert host_and_port("localhost", 80) == "localhost:80"
