"""One process of a benchmark: it plays a role, on a core of its own, and obeys lines on its standard input.

`python -m bench.child ROLE JSON` starts it. It writes one line of JSON when it is ready and one for each command:
`run`, `pause` (answered when nothing is under way any more), `usage`, `charge` (roles that can), `stop`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.role import Role

ROLES = {
    "stations": ("bench.stations", "Stations"),
    "dialler": ("bench.tls", "Dialler"),
    "supervision": ("bench.supervision", "SupervisionRole"),
    "pages": ("bench.page_host", "PageHost"),
    "echo-client": ("bench.echo", "EchoClient"),
    "echo-server": ("bench.echo", "EchoServer"),
    "package-client": ("bench.package", "PackageClient"),
    "package-server": ("bench.package", "PackageServer"),
}


def resident_kb() -> int:
    """This process's resident memory."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1])
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() // 1024


def usage(role: Role) -> dict[str, Any]:
    """CPU seconds of all threads, of which in the kernel, messages, and memory."""
    times = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "at_s": time.monotonic(),
        "cpu_s": time.process_time(),
        "kernel_s": times.ru_stime,
        "messages": role.messages,
        "resident_kb": resident_kb(),
    }


def keep_to_core(number: int) -> None:
    """Stay on one core, where there are two or more."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(0, {cores[number % len(cores)]})


def allow_many_files() -> None:
    """As many connections as the system lets this user have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def obey(role: Role) -> None:
    """Start the role and carry out commands until the end."""
    loop = asyncio.get_running_loop()
    commands: asyncio.Queue[str] = asyncio.Queue()
    gc.collect()
    empty_kb = resident_kb()
    loop.add_reader(0, _read, loop, commands)
    _say({**await role.start(), "empty_kb": empty_kb})
    while True:
        command = await commands.get()
        if command == "usage":
            _say(usage(role))
            continue
        _say(await getattr(role, command)())
        if command == "stop":
            return


def _read(loop: asyncio.AbstractEventLoop, commands: asyncio.Queue[str]) -> None:
    data = os.read(0, 65536)
    if not data:  # the parent has gone
        loop.remove_reader(0)
        commands.put_nowait("stop")
    for line in data.decode().split():
        commands.put_nowait(line)


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def main() -> None:
    """The process."""
    name, options = sys.argv[1], json.loads(sys.argv[2])
    keep_to_core(options.pop("core"))
    allow_many_files()
    loop_factory = None
    if options.pop("product_loop"):
        loop_factory = importlib.import_module("forecourt.runtime.loop").new_event_loop
    module, role = ROLES[name]
    make = getattr(importlib.import_module(module), role)

    async def play() -> None:
        await obey(make(**options))

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(play())


if __name__ == "__main__":
    main()
