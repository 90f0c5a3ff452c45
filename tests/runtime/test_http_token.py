"""The token's file, sessions and wrong tries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from forecourt.runtime.http_token import (
    ADDRESSES_MOST,
    SESSION_S,
    SESSIONS_MOST,
    TRIES,
    WAIT_S,
    ThrottledError,
    TokenError,
    TokenGate,
    read_token,
)

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "0123456789abcdef"


class Time:
    """A clock that is set by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "token"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def test_a_token_is_the_one_line_of_its_file(tmp_path: Path) -> None:
    assert read_token(written(tmp_path, f"{TOKEN}\n")) == TOKEN


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        (TOKEN[:-1], 0o600, "at least 16 characters"),
        ("", 0o600, "at least 16 characters"),
        ("x" * 5000, 0o600, "at least 16 characters"),
        (f"{TOKEN}\n{TOKEN}", 0o600, "one line"),
        (f"{TOKEN} {TOKEN}", 0o600, "without spaces"),
        (f"{TOKEN}ü", 0o600, "ASCII"),
        (TOKEN, 0o640, "chmod 600"),
        (TOKEN, 0o604, "mode is 0604"),
    ],
)
def test_a_file_that_holds_no_token_or_lets_others_read_it_is_refused(
    tmp_path: Path, text: str, mode: int, said: str
) -> None:
    with pytest.raises(TokenError, match=said):
        read_token(written(tmp_path, text, mode))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TokenError, match="No such file"):
        read_token(tmp_path / "none")


def test_an_address_that_guesses_waits_and_others_do_not(time: Time) -> None:
    gate = TokenGate(TOKEN, time)
    assert not any(gate.admits("wrong", "a") for _ in range(TRIES))
    with pytest.raises(ThrottledError, match="60 seconds"):
        gate.admits(TOKEN, "a")
    assert gate.admits(TOKEN, "b")
    time.now += WAIT_S + 1
    assert gate.admits(TOKEN, "a")
    assert not gate.admits("wrong", "a")


def test_the_right_token_ends_the_count(time: Time) -> None:
    gate = TokenGate(TOKEN, time)
    for _ in range(3):
        assert not any(gate.admits("wrong", "a") for _ in range(TRIES - 1))
        assert gate.admits(TOKEN, "a")


def test_wrong_tokens_of_many_addresses_cost_bounded_memory(time: Time) -> None:
    gate = TokenGate(TOKEN, time)
    for number in range(ADDRESSES_MOST + 10):
        assert not gate.admits("\udcff", str(number))
    assert len(gate._wrong) == ADDRESSES_MOST


def test_a_session_lasts_for_hours_and_ends(time: Time) -> None:
    gate = TokenGate(TOKEN, time)
    first, second = gate.open_session(), gate.open_session()
    assert first != second
    assert TOKEN not in first
    assert gate.has_session(first)
    assert not gate.has_session("")
    gate.close_session(second)
    assert not gate.has_session(second)
    time.now += SESSION_S
    assert not gate.has_session(first)


def test_the_oldest_session_makes_room(time: Time) -> None:
    gate = TokenGate(TOKEN, time)
    first = gate.open_session()
    later = [gate.open_session() for _ in range(SESSIONS_MOST)]
    assert not gate.has_session(first)
    assert gate.has_session(later[0])
