"""One process at a time: a lock beside the files that it holds."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from forecourt.errors import ForecourtError

if TYPE_CHECKING:
    from pathlib import Path


class FolderRefused(ForecourtError):  # noqa: N818
    """A folder that cannot be used, or that another process uses."""


def take_lock(lock: Path, locked: str) -> int:
    """Lock a file, made with its folder where missing, readable by the owner only; `locked` names what it is for.

    The descriptor that is returned holds the lock until it is closed or the process ends. Raises `FolderRefused`.
    """
    try:
        lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except (FileExistsError, NotADirectoryError) as error:
        sentence = f"{lock.parent} cannot be used: a folder was expected, and a file is in its place."
        raise FolderRefused(sentence) from error
    except OSError as error:
        raise FolderRefused(f"The folder {lock.parent} cannot be used: {error.strerror}.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise FolderRefused(f"{locked} is in use by another process: end that one or choose another folder.") from error
    return descriptor
