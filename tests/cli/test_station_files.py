"""`forecourt station` moves files: a process of its own, a supervision that asks, and a server over TLS."""

from __future__ import annotations

import asyncio
import io
import signal
import ssl
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import msgspec
import trustme

from forecourt.runtime.clock import Clock
from forecourt.runtime.link import Links
from tests.file_peers import http_server
from tests.hosted_rig import YesSayer, until

if TYPE_CHECKING:
    from pathlib import Path


def test_a_station_that_trusts_an_authority_uploads_its_log_over_https_and_keeps_it(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    roots, data = tmp_path / "roots.pem", tmp_path / "data"
    authority.cert_pem.write_to_path(str(roots))

    async def scenario() -> int:
        links = Links(close_timeout_s=0.5)
        supervision = YesSayer(Clock())
        listener = await supervision.start(links)
        arguments = ("--url", f"ws://127.0.0.1:{listener.port}", "--data", str(data), "--trust", str(roots))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "forecourt", "station", "--id", "CP1", "--http", "0", "--json", *arguments),
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            with http_server(context) as server:
                server.routes["*"] = lambda handler, _: handler.answer(201)
                await until(lambda: supervision.count()["StatusNotification"] >= 3)
                await supervision.call("GetDiagnostics", {"location": f"{server.address}/in"})
                await until(lambda: len(supervision.payloads("DiagnosticsStatusNotification")) >= 2)
                (request,) = server.requests
        finally:
            process.send_signal(signal.SIGINT)
            status = await process.wait()
            listener.close()
            await links.close(within_s=0.5)
        statuses = [payload["status"] for payload in supervision.payloads("DiagnosticsStatusNotification")]
        assert statuses == ["Uploading", "Uploaded"]
        with zipfile.ZipFile(io.BytesIO(request.body)) as archive:
            assert b"BootNotification" in archive.read("log.jsonl")
        return status

    async def bounded() -> int:
        async with asyncio.timeout(60):
            return await scenario()

    assert asyncio.run(bounded()) == 130
    log = data / "log.jsonl"
    kinds = [msgspec.json.decode(line)["kind"] for line in log.read_bytes().splitlines()]
    assert kinds[0] == "PowerRestored"
    assert {"FileSent", "PowerLost"} <= set(kinds)
    assert log.stat().st_mode & 0o077 == 0


def test_a_file_that_holds_no_certificates_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing here")
    for name, why in (("empty.pem", "certificates in PEM"), ("missing.pem", "No such file")):
        command = [sys.executable, "-m", "forecourt", "station", "--trust", str(tmp_path / name)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert ended.returncode == 2
        assert why in ended.stderr
        assert "Traceback" not in ended.stderr


def test_the_libraries_that_move_files_are_not_loaded_before_the_first_transfer() -> None:
    script = (
        "import sys\nimport forecourt.cli.station_process\n"
        "print([name for name in ('httpx2', 'aioftp', 'anyio._backends') if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout == "[]\n"
