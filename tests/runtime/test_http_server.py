"""The HTTP server that the APIs run on."""

from __future__ import annotations

import pytest

from forecourt.runtime.http_server import listen
from forecourt.runtime.ports import PortUnavailableError


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_port_0_finds_a_free_one_and_a_taken_one_is_named(host: str) -> None:
    with listen(host, 0) as first:
        port = first.getsockname()[1]
        assert port > 0
        with pytest.raises(PortUnavailableError, match=rf"Port {port} of {host} is already in use"):
            listen(host, port)
