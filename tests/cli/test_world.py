"""`forecourt world`: what it says, what it returns, and how a broken rule is seen again."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import pytest

from forecourt.cli.main import run
from forecourt.station.power import Power

if TYPE_CHECKING:
    from collections.abc import Callable

SHORT = ["--days", "0.05", "--stations", "1"]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[list[str]], tuple[int, str, str]]:
    """Run `forecourt world`; the status, stdout and stderr."""

    def said(arguments: list[str]) -> tuple[int, str, str]:
        status = run(["world", *arguments])
        out, err = capsys.readouterr()
        return status, out, err

    return said


def test_world_says_the_options_of_a_seed_first_and_ends_well(say: Callable[[list[str]], tuple[int, str, str]]) -> None:
    status, out, err = say(["--seed", "4", *SHORT])
    assert status == 0
    assert err == ""
    first, *rest = out.splitlines()
    assert first.startswith("seed 4: {")
    assert json.loads(first.removeprefix("seed 4: "))["stations"] == 1
    assert rest[-1] == "No rule was broken, and everything settled."


def test_world_writes_nothing_but_the_trace_to_stdout(say: Callable[[list[str]], tuple[int, str, str]]) -> None:
    status, out, err = say(["--seed", "4", "--trace", *SHORT])
    assert status == 0
    assert "seed 4" in err
    times = [float(line.split(" ", 1)[0]) for line in out.splitlines()]
    assert len(times) > 50
    assert times == sorted(times)


def test_world_says_what_came_of_it_as_json(say: Callable[[list[str]], tuple[int, str, str]]) -> None:
    status, out, _ = say(["--seed", "4", "--json", *SHORT])
    verdict = json.loads(out)
    assert (status, verdict["rule"], verdict["replay"]) == (0, None, None)
    assert verdict["options"]["seed"] == 4


def test_world_without_a_seed_is_calm_and_has_six_sessions_a_gun_and_day(
    say: Callable[[list[str]], tuple[int, str, str]],
) -> None:
    status, out, _ = say(["--days", "2", "--stations", "2", "--json"])
    report = json.loads(out)
    assert status == 0
    assert report["sessions"] == 2 * 2 * 2 * 6
    assert report["problem"] is None
    assert report["energy_kwh"] > 100
    status, out, _ = say(["--days", "1"])
    assert status == 0
    assert "station-years a second" in out


def test_world_prints_the_command_that_breaks_the_rule_again(
    say: Callable[[list[str]], tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Power, "allow", lambda self, connector, limit_w: None)
    for seed in range(7000, 7040):
        status, out, _ = say(["--seed", str(seed), "--days", "1", "--shrink"])
        if status:
            break
    broken, replay = out.splitlines()[-2:]
    assert broken.startswith("BROKEN: limits kept")
    words = shlex.split(replay.removeprefix("Replay: "))
    assert words[:2] == ["forecourt", "world"]
    assert "--without" in words
    status, out, _ = say(words[2:])
    assert status == 1
    assert broken in out


def test_world_plays_many_seeds_in_a_row(say: Callable[[list[str]], tuple[int, str, str]]) -> None:
    status, out, _ = say(["--seed", "1", "--seeds", "6", "--jobs", "2", *SHORT])
    assert status == 0
    assert out.startswith("6 seeds, ")
    assert out.rstrip().endswith("0 broke a rule.")
    status, out, _ = say(["--seed", "1", "--seeds", "2", "--jobs", "1", "--json", *SHORT])
    assert json.loads(out)["broken"] == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--trace"], "Expected --seed"),
        (["--seed", "1", "--without", "rain"], "'rain' came"),
        (["--seed", "1", "--trace", "--json"], "both came"),
        (["--seed", "1", "--seeds", "3", "--shrink"], "Expected one seed"),
    ],
)
def test_world_refuses_what_can_not_be_meant(
    say: Callable[[list[str]], tuple[int, str, str]], arguments: list[str], sentence: str
) -> None:
    status, out, err = say(arguments)
    assert (status, out) == (2, "")
    assert sentence in err
