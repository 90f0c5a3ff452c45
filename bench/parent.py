"""The parent's view of one process of a benchmark."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, Self

STATION_CORE, SUPERVISION_CORE = 0, 1


class ChildFailed(Exception):  # noqa: N818
    """A process of the benchmark ended by itself; its own words stand above."""


class Child:
    """One process that plays a role."""

    def __init__(self, role: str, core: int, *, product_loop: bool = True, **options: Any) -> None:
        self.role = role
        text = json.dumps({"core": core, "product_loop": product_loop, **options})
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.child", role, text],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ready: dict[str, Any] = {}

    def await_ready(self) -> dict[str, Any]:
        """Wait until it plays; what it said."""
        self.ready = self._hear()
        return self.ready

    def tell(self, command: str) -> dict[str, Any]:
        """Give a command and wait for the answer."""
        assert self._process.stdin is not None, "it was started with a pipe"
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return self._hear()

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None, "it was started with a pipe"
        line = self._process.stdout.readline()
        if not line:
            raise ChildFailed(f"The process {self.role} ended with code {self._process.wait()}.")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        """Give back itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """See that it has ended."""
        if self._process.poll() is None:
            assert self._process.stdin is not None, "it was started with a pipe"
            self._process.stdin.close()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def start(role: str, core: int, **options: Any) -> Child:
    """A process that is ready."""
    child = Child(role, core, **options)
    try:
        child.await_ready()
    except BaseException:
        child.__exit__()
        raise
    return child
