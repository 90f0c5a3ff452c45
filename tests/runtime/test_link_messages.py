"""What goes over an open link and how it ends, on real sockets, on both loops."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING

import pytest

from forecourt.runtime.link import Handshake, Link, Links, Welcome
from tests.link_peers import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Owner,
    Raw,
    accepted,
    echo,
    frame,
    pair,
    raw_station,
    raw_supervision,
    welcome_into,
)

if TYPE_CHECKING:
    from collections.abc import Callable


async def none_left(links: Links) -> None:
    while len(links):
        await asyncio.sleep(0.001)


def test_both_sides_carry_text_of_every_length_whole_and_in_order(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        frames = [b"x" * size for size in (0, 1, 125, 126, 65535, 65536, 300_000)] + ["[é€😀]".encode()]
        async with pair(Links(), echo) as (station, supervision):
            assert station.link is not None
            for data in frames:
                station.link.send(data)
            await station.until(lambda owner: len(owner.frames) == len(frames))
            assert station.frames == frames
            assert supervision.frames == frames

    play(scenario())


def test_200_links_carry_their_own_frames(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        links = Links()
        owners: list[Owner] = []
        listener = await links.serve("127.0.0.1", 0, welcome_into(owners, echo))
        stations = [Owner() for _ in range(200)]
        for number, station in enumerate(stations):
            links.connect(f"ws://127.0.0.1:{listener.port}/CP{number}", station, identity=f"CP{number}")
        for station in stations:
            await station.opened()
        for turn in range(3):
            for number, station in enumerate(stations):
                assert station.link is not None
                station.link.send(b"%d of %d" % (turn, number))
        for number, station in enumerate(stations):
            await station.until(lambda owner: len(owner.frames) == 3)
            assert station.frames == [b"%d of %d" % (turn, number) for turn in range(3)]
        assert len(links) == 400
        await links.close(reason="Enough.")
        assert len(links) == 0
        assert {station.closed for station in stations} == {(1001, "Enough.")}

    play(scenario())


@pytest.mark.requirement("J-5.3-1")
def test_both_sides_answer_a_ping_with_its_own_payload_though_they_send_none(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        answers: list[tuple[int, bytes]] = []

        async def behave(raw: Raw) -> None:
            raw.write(accepted(await raw.head()) + frame(PING, b"are you there", masked=False))
            answers.append(await raw.frame())

        links = Links()
        async with raw_supervision(behave) as endpoint:
            owner = Owner()
            links.connect(endpoint + "/CP1", owner, identity="CP1")
            await owner.end()
        listener = await links.serve("127.0.0.1", 0, welcome_into([]))
        async with raw_station(listener.port) as raw:
            raw.write(frame(PING, b"are you there"))
            answers.append(await raw.frame())
        assert answers == [(0x80 | PONG, b"are you there")] * 2
        await links.close()

    play(scenario())


def test_owner_hears_the_pong_of_its_latest_ping_only(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        owners: list[Owner] = []
        links = Links()
        listener = await links.serve("127.0.0.1", 0, welcome_into(owners))
        async with raw_station(listener.port) as raw:
            await owners[0].opened()
            raw.write(frame(PONG, b"") + frame(PONG, b"\0\0\0\0") + frame(TEXT, b"1"))
            await owners[0].until(lambda owner: owner.frames == [b"1"])
            assert owners[0].pongs == 0
            link = owners[0].link
            assert link is not None
            link.ping()
            link.ping()
            (_, first), (opcode, second) = await raw.frame(), await raw.frame()
            assert opcode == 0x80 | PING
            assert first != second
            raw.write(frame(PONG, first) + frame(TEXT, b"2"))
            await owners[0].until(lambda owner: owner.frames == [b"1", b"2"])
            assert owners[0].pongs == 0
            raw.write(frame(PONG, second) * 2 + frame(TEXT, b"3"))
            await owners[0].until(lambda owner: len(owner.frames) == 3)
            assert owners[0].pongs == 1
        await links.close()

    play(scenario())


def test_link_pings_and_hears_the_pong_from_our_own_other_side(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        async with pair(Links()) as owners:
            for owner in owners:
                assert owner.link is not None
                owner.link.ping()
                await owner.until(lambda owner: owner.pongs == 1)

    play(scenario())


def test_fragments_become_one_message_also_with_a_ping_between(play: Callable[..., None]) -> None:
    """The cuts go through a character of three bytes and through a frame's header."""

    async def scenario() -> None:
        owners: list[Owner] = []
        links = Links()
        listener = await links.serve("127.0.0.1", 0, welcome_into(owners))
        async with raw_station(listener.port) as raw:
            whole = "[€]".encode()
            data = (
                frame(TEXT, whole[:2], fin=False)
                + frame(PING, b"")
                + frame(CONTINUATION, b"", fin=False)
                + frame(CONTINUATION, whole[2:])
            )
            for place in range(len(data)):
                raw.write(data[place : place + 1])
                await asyncio.sleep(0)
            await owners[0].until(lambda owner: owner.frames)
            assert owners[0].frames == [whole]
            assert await raw.frame() == (0x80 | PONG, b"")
        await links.close()

    play(scenario())


def test_messages_that_come_with_the_handshake_arrive_wherever_the_bytes_are_cut(play: Callable[..., None]) -> None:
    """Cut at every byte from the end of the answer on, one connection a cut."""

    async def scenario() -> None:
        whole = "[€]".encode()
        parts = [(TEXT, whole[:2], False), (PING, b"", True), (CONTINUATION, whole[2:], True), (TEXT, b"x" * 130, True)]
        data = b"".join(frame(opcode, payload, fin=fin, masked=False) for opcode, payload, fin in parts)
        cuts = iter(range(-2, len(data) + 1))

        async def behave(raw: Raw) -> None:
            answer = accepted(await raw.head())
            place = len(answer) + next(cuts)
            everything = answer + data
            raw.write(everything[:place])
            for _ in range(5):  # turns of the loop, so that the halves arrive one by one
                await asyncio.sleep(0)
            raw.write(everything[place:])
            assert await raw.frame() == (0x80 | PONG, b"")
            assert await raw.close_code() == 1000
            raw.write(frame(CLOSE, struct.pack("!H", 1000), masked=False))

        links = Links()
        async with raw_supervision(behave) as endpoint:
            for _ in range(len(data) + 3):
                owner = Owner()
                link = links.connect(endpoint + "/CP1", owner, identity="CP1")
                await owner.until(lambda owner: len(owner.frames) == 2)
                assert owner.frames == [whole, b"x" * 130]
                link.close()
                assert (await owner.end())[0] == 1000
        await none_left(links)

    play(scenario())


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(BINARY, b"[2]"), 1003),
        (frame(BINARY, b"[2]", fin=False) + frame(CONTINUATION, b""), 1003),
        (frame(TEXT, b"\xff"), 1007),
        (frame(TEXT, b"\xe2\x82", fin=False) + frame(CONTINUATION, b""), 1007),
        (frame(TEXT, b"x" * 1001), 1009),
        (frame(TEXT, b"x" * 600, fin=False) + frame(CONTINUATION, b"x" * 600), 1009),
        (frame(TEXT, b"[2]", masked=False), 1002),
        (frame(TEXT, b"[2]", reserved=0x40), 1002),
        (frame(CONTINUATION, b"[2]"), 1002),
        (frame(TEXT, b"[2]", fin=False) + frame(TEXT, b""), 1002),
        (frame(PING, b"x" * 126), 1002),
        (frame(0x3, b""), 1002),
        (frame(CLOSE, b"\0"), 1002),
    ],
    ids=[
        "binary",
        "binary-fragmented",
        "not-utf8",
        "not-utf8-fragmented",
        "too-long",
        "too-long-in-fragments",
        "unmasked",
        "reserved-bit",
        "continues-nothing",
        "begins-twice",
        "long-ping",
        "unknown-opcode",
        "short-close",
    ],
)
def test_peer_that_breaks_the_rules_is_closed_with_the_code_for_it(
    play: Callable[..., None], data: bytes, code: int
) -> None:
    """What came before counts, what comes after does not, and the owner and the peer hear the same code."""

    async def scenario() -> None:
        owners: list[Owner] = []
        links = Links(max_size=1000)
        listener = await links.serve("127.0.0.1", 0, welcome_into(owners, echo))
        async with raw_station(listener.port) as raw:
            raw.write(frame(TEXT, b"before") + data + frame(TEXT, b"after"))
            assert await raw.close_code() == code
            told, reason = await owners[0].end()
            assert told == code
            assert reason
            assert owners[0].frames == [b"before"]
        listener.close()
        await none_left(links)

    play(scenario())


def test_station_closes_a_supervision_that_sends_too_much(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        codes: list[int] = []

        async def behave(raw: Raw) -> None:
            raw.write(accepted(await raw.head()) + frame(TEXT, b"x" * 1001, masked=False))
            codes.append(await raw.close_code())

        links = Links(max_size=1000)
        async with raw_supervision(behave) as endpoint:
            owner = Owner()
            links.connect(endpoint + "/CP1", owner, identity="CP1")
            told = await owner.end()
            await none_left(links)
        assert told == (1009, "A message has at most 1000 bytes, and a longer one came.")
        assert codes == [1009]

    play(scenario())


def test_frames_that_come_with_the_close_are_heard_and_answers_to_them_are_lost(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        owners: list[Owner] = []
        links = Links()
        listener = await links.serve("127.0.0.1", 0, welcome_into(owners, echo))
        async with raw_station(listener.port) as raw:
            raw.write(frame(TEXT, b"last") + frame(CLOSE, struct.pack("!H", 4000) + b"Bye.") + frame(TEXT, b"late"))
            assert await owners[0].end() == (4000, "Bye.")
            assert owners[0].frames == [b"last"]
            assert await raw.frame() == (0x80 | CLOSE, struct.pack("!H", 4000) + b"Bye.")
            assert await raw.rest() == b""
            link = owners[0].link
            assert link is not None
            link.send(b"too late")
            link.ping()
            link.close()
        await none_left(links)
        listener.close()

    play(scenario())


def test_owner_that_closes_hears_no_more_frames_and_sends_what_it_sent_before(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        owners: list[Owner] = []
        links = Links()
        listener = await links.serve("127.0.0.1", 0, welcome_into(owners))
        async with raw_station(listener.port) as raw:
            link = await owners[0].opened()
            link.send(b"[4]")
            link.close(1012, "é" * 100)
            assert not link.is_open
            assert await raw.frame() == (0x80 | TEXT, b"[4]")
            opcode, payload = await raw.frame()
            assert opcode == 0x80 | CLOSE
            assert payload == struct.pack("!H", 1012) + "é".encode() * 61
            raw.write(frame(TEXT, b"late") + frame(CLOSE, payload[:2]))
            code, _ = await owners[0].end()
            assert code == 1012
            assert owners[0].frames == []
            assert await raw.rest() == b""
        await none_left(links)
        listener.close()

    play(scenario())


def test_close_that_the_peer_does_not_answer_ends_in_time(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        owners: list[Owner] = []
        links = Links(close_timeout_s=0.05)
        listener = await links.serve("127.0.0.1", 0, welcome_into(owners))
        async with raw_station(listener.port):
            link = await owners[0].opened()
            link.close(1000)
            assert await owners[0].end() == (1006, "The peer did not finish closing within 0.05 s.")
            await none_left(links)
        listener.close()

    play(scenario())


def test_aborted_half_open_link_ends_at_once(play: Callable[..., None]) -> None:
    """The peer neither reads nor ends, as after a cut cable; a ping has shown it."""

    async def scenario() -> None:
        done = asyncio.Event()

        async def behave(raw: Raw) -> None:
            raw.write(accepted(await raw.head()))
            await done.wait()

        links = Links()
        async with raw_supervision(behave) as endpoint:
            owner = Owner()
            links.connect(endpoint + "/CP1", owner, identity="CP1")
            link = await owner.opened()
            link.ping()
            link.abort("No pong came.")
            link.abort("Twice.")
            assert owner.closed is None
            assert await owner.end() == (1006, "No pong came.")
            assert owner.pongs == 0
            await none_left(links)
            done.set()

    play(scenario())


def test_peer_that_ends_without_closing_is_reported_as_1006(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        owners: list[Owner] = []
        links = Links()
        listener = await links.serve("127.0.0.1", 0, welcome_into(owners))
        async with raw_station(listener.port) as raw:
            await owners[0].opened()
            raw.writer.write_eof()
            assert await owners[0].end() == (1006, "The peer ended the connection without closing.")
        async with raw_station(listener.port) as raw:
            await owners[1].opened()
            raw.writer.transport.abort()
            code, _ = await owners[1].end()
            assert code == 1006
        await none_left(links)
        listener.close()

    play(scenario())


def test_link_gives_up_a_peer_that_does_not_read(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        owners: list[Owner] = []
        links = Links(max_unread=200_000)
        listener = await links.serve("127.0.0.1", 0, welcome_into(owners))
        async with raw_station(listener.port):
            link = await owners[0].opened()
            assert not link.is_congested
            peak = 0
            while link.is_open:
                link.send(b"x" * 10_000)
                peak = max(peak, link.unread)
                await asyncio.sleep(0)
            assert link.is_congested
            assert 200_000 < peak < 220_000
            assert await owners[0].end() == (1006, "The peer does not read: more than 200000 bytes waited for it.")
        await none_left(links)
        listener.close()

    play(scenario())


def test_congestion_ends_when_the_peer_reads_again(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        owners: list[Owner] = []
        links = Links(max_unread=2**24)
        listener = await links.serve("127.0.0.1", 0, welcome_into(owners))
        async with raw_station(listener.port) as raw:
            link = await owners[0].opened()
            sent = 0
            while not link.is_congested:
                link.send(b"x" * 10_000)
                sent += 1
                await asyncio.sleep(0)
            for _ in range(sent):
                assert await raw.frame() == (0x80 | TEXT, b"x" * 10_000)
            while link.is_congested:
                await asyncio.sleep(0.001)
            assert link.unread == 0
            assert link.is_open
        await links.close()

    play(scenario())


def test_pings_that_are_never_read_do_not_pile_up_answers(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        owners: list[Owner] = []
        links = Links(max_unread=200_000)
        listener = await links.serve("127.0.0.1", 0, welcome_into(owners))
        async with raw_station(listener.port) as raw:
            await owners[0].opened()
            raw.writer.transport.pause_reading()  # type: ignore[attr-defined]
            pings = frame(PING, b"x" * 125) * 500
            while owners[0].closed is None:
                raw.write(pings)
                await asyncio.sleep(0)
            code, reason = owners[0].closed
            assert code == 1006
            assert "does not read" in reason
        await none_left(links)
        listener.close()

    play(scenario())


def test_owner_that_fails_costs_its_own_link_and_is_reported_to_the_loop(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        def fail(_link: Link, _data: bytes) -> None:
            raise ZeroDivisionError("a mistake of ours")

        reported: list[object] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reported.append(context["exception"]))
        owners: list[Owner] = []
        links = Links()
        listener = await links.serve("127.0.0.1", 0, welcome_into(owners, fail))
        async with raw_station(listener.port) as broken, raw_station(listener.port) as whole:
            await owners[1].opened()
            broken.write(frame(TEXT, b"[2]"))
            code, reason = await owners[0].end()
            assert code == 1006
            assert "a mistake of ours" in reason
            assert [type(error) for error in reported] == [ZeroDivisionError]
            whole.write(frame(PING, b"?"))
            assert await whole.frame() == (0x80 | PONG, b"?")
        await links.close()

    play(scenario())


def test_closing_all_links_cuts_off_those_that_do_not_answer(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        owners: list[Owner] = []
        links = Links()
        listener = await links.serve("127.0.0.1", 0, welcome_into(owners))
        async with raw_station(listener.port):
            await owners[0].opened()
            await links.close(1012, "Update.", within_s=0.05)
            assert owners[0].closed == (1006, "This side has ended.")
        with pytest.raises(OSError):  # noqa: PT011
            await asyncio.open_connection("127.0.0.1", listener.port)

    play(scenario())


def test_owner_may_close_or_abort_from_its_own_callbacks(play: Callable[..., None]) -> None:
    async def scenario() -> None:
        class Hasty(Owner):
            def link_opened(self, link: Link) -> None:
                super().link_opened(link)
                link.send(b"hello")
                link.close(1013, "Later.")

        owners: list[Owner] = []

        def decide(_handshake: Handshake) -> Welcome:
            owners.append(Hasty())
            return Welcome(owners[-1])

        def drop(link: Link, _data: bytes) -> None:
            link.abort("Replaced.")

        links = Links()
        listener = await links.serve("127.0.0.1", 0, decide)
        station = Owner()
        links.connect(f"ws://127.0.0.1:{listener.port}/CP1", station, identity="CP1")
        assert await station.end() == (1013, "Later.")
        assert station.frames == [b"hello"]
        assert await owners[0].end() == (1013, "Later.")
        listener = await links.serve("127.0.0.1", 0, welcome_into(owners, drop))
        async with raw_station(listener.port) as raw:
            raw.write(frame(TEXT, b"1") + frame(TEXT, b"2"))
            assert await owners[1].end() == (1006, "Replaced.")
            assert owners[1].frames == [b"1"]
        await links.close()

    play(scenario())
