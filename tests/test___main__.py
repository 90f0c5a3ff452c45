"""The command before anything of it is loaded."""

from __future__ import annotations

import builtins
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from forecourt import __main__ as entry
from forecourt.cli.errors import ExitStatus

if TYPE_CHECKING:
    from collections.abc import Callable


def test_ctrl_c_while_the_program_is_being_loaded_is_quiet_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real: Callable[..., Any] = builtins.__import__

    def interrupted(name: str, *others: Any) -> Any:
        if name == "forecourt.cli.main":
            raise KeyboardInterrupt
        return real(name, *others)

    monkeypatch.setattr(builtins, "__import__", interrupted)
    with pytest.raises(SystemExit) as ended:
        entry.main()
    monkeypatch.undo()
    assert ended.value.code == ExitStatus.INTERRUPTED
    assert capsys.readouterr() == ("", "")


def test_entry_module_loads_nothing_else_before_it_can_be_interrupted() -> None:
    script = "import sys, forecourt.__main__; print([name for name in sys.modules if name.startswith('forecourt.')])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "['forecourt.__main__']"
