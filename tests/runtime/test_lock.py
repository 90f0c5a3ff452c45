"""A lock beside files that one process at a time may use."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from forecourt.runtime.lock import FolderRefused, take_lock

if TYPE_CHECKING:
    from pathlib import Path


def test_lock_is_refused_while_it_is_held_and_free_when_it_is_closed(tmp_path: Path) -> None:
    lock = tmp_path / "new" / "it.lock"
    held = take_lock(lock, "The thing")
    assert [path.stat().st_mode & 0o077 for path in (lock, lock.parent)] == [0, 0]
    with pytest.raises(FolderRefused, match="The thing is in use by another process: end that one or choose"):
        take_lock(lock, "The thing")
    os.close(held)
    os.close(take_lock(lock, "The thing"))


@pytest.mark.parametrize("below", ["", "deeper"])
def test_file_in_the_place_of_the_folder_is_named(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("x")
    folder = tmp_path / "file" / below
    with pytest.raises(FolderRefused, match=f"{folder} cannot be used: a folder was expected, and a file is in its"):
        take_lock(folder / "it.lock", "The thing")
