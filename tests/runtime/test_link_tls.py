"""Links over TLS, with certificates made for the test."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from forecourt.runtime.link import Links
from forecourt.runtime.tls import client_context
from tests.link_peers import Owner, echo, welcome_into
from tests.tls_rig import server_context

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def shown(authority: trustme.CA, tmp_path: Path) -> ssl.SSLContext:
    """What a supervision at 127.0.0.1 shows."""
    chain = tmp_path / "chain.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(chain))
    return server_context(str(chain))


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    return client_context(authority.cert_pem.bytes().decode())


def test_frames_of_every_length_pass_over_tls(
    play: Callable[..., None], authority: trustme.CA, shown: ssl.SSLContext
) -> None:
    """512 KB is what asyncio's TLS corrupted when the receive buffer was handed out as a bytearray."""

    async def scenario() -> None:
        frames = [b"[2]", bytes(range(32, 127)) * 5519, "[é]".encode()]
        links = Links()
        owners: list[Owner] = []
        listener = await links.serve("127.0.0.1", 0, welcome_into(owners, echo), context=shown)
        station = Owner()
        url = f"wss://127.0.0.1:{listener.port}/CP1"
        link = links.connect(url, station, identity="CP1", context=trusting(authority))
        await station.opened()
        for data in frames:
            link.send(data)
        await station.until(lambda owner: len(owner.frames) == 3)
        assert owners[0].frames == frames
        assert station.frames == frames
        link.ping()
        await station.until(lambda owner: owner.pongs)
        link.close(1000, "Done.")
        assert await station.end() == (1000, "Done.")
        assert await owners[0].end() == (1000, "Done.")
        await links.close()

    play(scenario())


@pytest.mark.requirement("GUIDE-SEC-06")
@pytest.mark.parametrize("password", [None, bytes(20)], ids=["profile-0", "profile-2"])
def test_station_opens_no_wss_link_to_a_certificate_it_does_not_trust(
    play: Callable[..., None], authority: trustme.CA, shown: ssl.SSLContext, password: bytes | None
) -> None:
    """Not one of an unknown authority, be it by default or by choice, and not one for another host."""

    async def scenario() -> None:
        links = Links()
        owners: list[Owner] = []
        listener = await links.serve("127.0.0.1", 0, welcome_into(owners), context=shown)
        for host, context in (
            ("127.0.0.1", None),
            ("127.0.0.1", trusting(trustme.CA())),
            ("localhost", trusting(authority)),
        ):
            station = Owner()
            url = f"wss://{host}:{listener.port}/CP1"
            links.connect(url, station, identity="CP1", password=password, context=context)
            reason, status = await station.refusal()
            assert reason.startswith(f"The certificate of {host}:{listener.port} was not accepted: ")
            assert status is None
        assert owners == []
        station = Owner()
        url = f"wss://127.0.0.1:{listener.port}/CP1"
        links.connect(url, station, identity="CP1", password=password, context=trusting(authority))
        await station.opened()
        await links.close()

    play(scenario())


def test_station_says_when_one_side_speaks_tls_and_the_other_does_not(
    play: Callable[..., None], shown: ssl.SSLContext
) -> None:
    async def scenario() -> None:
        links = Links()
        secured = await links.serve("127.0.0.1", 0, welcome_into([]), context=shown)
        plain = await links.serve("127.0.0.1", 0, welcome_into([]))
        station = Owner()
        links.connect(f"ws://127.0.0.1:{secured.port}/CP1", station, identity="CP1")
        assert "check that ws or wss and the port are right" in (await station.refusal())[0]
        station = Owner()
        links.connect(f"wss://127.0.0.1:{plain.port}/CP1", station, identity="CP1")
        assert "wss" in (await station.refusal())[0]
        await links.close()

    play(scenario())


def test_contexts_are_strict_on_every_python() -> None:
    context = client_context()
    assert context.verify_flags & ssl.VERIFY_X509_STRICT
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_COMPRESSION


def test_links_share_one_context(play: Callable[..., None]) -> None:
    """One a link would cost hundreds of kilobytes each."""

    async def scenario() -> None:
        links = Links()
        contexts = set()
        for _ in range(2):
            station = Owner()
            links.connect("wss://127.0.0.1:1/CP1", station, identity="CP1")
            await station.refusal()
            contexts.add(links._context)
        assert len(contexts) == 1
        assert None not in contexts

    play(scenario())
