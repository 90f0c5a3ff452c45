"""The command line as a whole: exit statuses, what goes to which stream, and how commands are found."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from forecourt.cli import main as command_line
from forecourt.cli.errors import Misuse
from forecourt.cli.main import COMMANDS, CommandRow, run
from forecourt.errors import ForecourtError

if TYPE_CHECKING:
    from collections.abc import Callable

    import typer

    Behave = Callable[[Callable[[], int | None]], None]


@pytest.fixture
def behave(monkeypatch: pytest.MonkeyPatch) -> Behave:
    """Put one command `probe` on the command line that does what the test wants."""

    def install(action: Callable[[], int | None]) -> None:
        module = ModuleType("forecourt_probe")

        def register(app: typer.Typer) -> None:
            app.command("probe")(action)

        vars(module)["register"] = register
        monkeypatch.setitem(sys.modules, "forecourt_probe", module)
        monkeypatch.setattr(command_line, "COMMANDS", (CommandRow("probe", "forecourt_probe"),))

    return install


def test_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("forecourt 0.")


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(row.name in said for row in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "usage", "sentence"),
    [
        (
            [],
            "forecourt",
            "A command was expected, one of demo, station, supervision, world, firmware, guide; none came.",
        ),
        (["gude"], "forecourt", "No such command 'gude'. Did you mean 'guide'?"),
        (["--nonsense"], "forecourt", "No such option: --nonsense"),
        (["guide"], "forecourt guide", "A command was expected, one of models, keys, faults; none came."),
        (["guide", "keys", "--nonsense"], "forecourt guide keys", "No such option: --nonsense"),
        (["guide", "keys", "--access"], "forecourt guide keys", "Option '--access' requires an argument."),
        (
            ["guide", "keys", "--access", "RX"],
            "forecourt guide keys",
            "Invalid value for '--access': 'RX' is not one of 'ro', 'rw', 'w'.",
        ),
    ],
)
def test_misuse_gets_usage_hint_and_one_sentence_on_stderr(
    arguments: list[str], usage: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    first, hint, *said = err.splitlines()
    assert out == ""
    assert first.startswith(f"Usage: {usage} [")
    assert hint == f"Try '{usage} --help'."
    assert said == [sentence]


def test_command_that_raises_misuse_gets_its_usage_too(behave: Behave, capsys: pytest.CaptureFixture[str]) -> None:
    def action() -> None:
        raise Misuse("A station needs --url.")

    behave(action)
    assert run(["probe"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "Usage: forecourt probe [OPTIONS]",
        "Try 'forecourt probe --help'.",
        "A station needs --url.",
    ]


def test_failure_is_one_sentence_and_status_1(behave: Behave, capsys: pytest.CaptureFixture[str]) -> None:
    def action() -> None:
        raise ForecourtError("Port 9000 is taken; try --ocpp-port 9001.")

    behave(action)
    assert run(["probe"]) == 1
    out, err = capsys.readouterr()
    assert (out, err) == ("", "forecourt: Port 9000 is taken; try --ocpp-port 9001.\n")


def test_mistake_of_ours_is_named_without_a_traceback(behave: Behave, capsys: pytest.CaptureFixture[str]) -> None:
    def action() -> None:
        raise KeyError("gun")

    behave(action)
    assert run(["probe"]) == 1
    err = capsys.readouterr().err
    assert "KeyError: 'gun'" in err
    assert "Traceback" not in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("arguments", [["--debug", "probe"], ["probe", "--debug"]])
@pytest.mark.parametrize("error", [ForecourtError("no"), KeyError("gun")])
def test_debug_anywhere_lets_the_error_through(behave: Behave, arguments: list[str], error: Exception) -> None:
    def action() -> None:
        raise error

    behave(action)
    with pytest.raises(type(error)):
        run(arguments)


def test_interrupt_is_status_130_and_says_nothing(behave: Behave, capsys: pytest.CaptureFixture[str]) -> None:
    def action() -> None:
        raise KeyboardInterrupt

    behave(action)
    assert run(["probe"]) == 130
    out, err = capsys.readouterr()
    assert out.strip() == ""
    assert err.strip() == ""


@pytest.mark.parametrize(("returned", "status"), [(None, 0), (0, 0), (1, 1), (130, 130)])
def test_command_may_return_its_status(behave: Behave, returned: int | None, status: int) -> None:
    behave(lambda: returned)
    assert run(["probe"]) == status


def test_only_the_module_of_the_command_asked_for_is_imported() -> None:
    """Start must be fast: a command costs nothing to who asks for another."""
    others = [row.module for row in COMMANDS if row.name != "guide"]
    heavy = ["litestar", "uvicorn", "sqlalchemy", "websockets", "rich.table", *others]
    script = (
        "import sys; from forecourt.cli.main import run; status = run(['guide', 'models', '--json']); "
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr); sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert done.stderr.strip() == "[]"


def test_package_run_as_a_module_ends_with_the_status_of_the_misuse() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "forecourt", "guide", "models", "EVD1S999TBB"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "'EVD1S999TBB' is no commercial reference of the guide" in done.stderr
    assert done.stdout == ""
