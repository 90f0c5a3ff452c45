"""A hosted station that installs signed firmware: real sockets, a signature that OpenSSL or our command line made."""

from __future__ import annotations

import shutil
import subprocess
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest

from forecourt.cli.main import run as run_command
from forecourt.evlink.firmware_image import encode_image
from forecourt.evlink.models import find_model
from forecourt.runtime.files import Files
from forecourt.world.world import START
from tests.file_peers import http_server
from tests.firmware_signing import Manufacturer
from tests.hosted_rig import Rig, until

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    Play = Callable[[Coroutine[Any, Any, None]], None]

SPEED = 120.0
IMAGE = encode_image(find_model("EVD1S180THB").product, "3.6.0", b"payload " * 8192)
WORKS = Manufacturer()
ACTION = "SignedFirmwareStatusNotification"
WHOLE = [
    "Downloading",
    "Downloaded",
    "SignatureVerified",
    "Installing",
    "InstallRebooting",
    "Installed",
]


def by_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    files = ["--key", str(folder / "key"), "--certificate", str(folder / "certificate")]
    assert run_command(["firmware", "sign", str(folder / "image"), *files]) == 0
    return capsys.readouterr().out.strip()


def by_openssl(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    pss = ["-sigopt", "rsa_padding_mode:pss"]
    command = ["openssl", "dgst", "-sha256", *pss, "-sign", str(folder / "key"), str(folder / "image")]
    return b64encode(subprocess.run(command, capture_output=True, timeout=30, check=True).stdout).decode()


@pytest.mark.parametrize("sign", [by_command, by_openssl])
def test_signed_firmware_is_fetched_judged_and_runs_after_the_reboot(
    play: Play, tmp_path: Path, capsys: pytest.CaptureFixture[str], sign: Callable[..., str]
) -> None:
    signer, revoked = WORKS.issue("signs", "rsa2048"), WORKS.issue("signs", "rsa2048")
    (tmp_path / "image").write_bytes(IMAGE)
    (tmp_path / "key").write_bytes(signer.key_pem)
    (tmp_path / "certificate").write_text(signer.pem)
    signature = sign(tmp_path, capsys)

    async def scenario() -> None:
        with http_server() as server:
            server.serve("/firmware", IMAGE)
            server.serve("/other", IMAGE[:-1] + b"?")
            async with Rig(SPEED, tmp_path, wall_origin=START.timestamp(), files=Files()) as rig:
                station = await rig.station()
                station.set_revocation_lists(WORKS.revoke(revoked))

                async def ask(request: int, path: str, pem: str) -> str:
                    firmware = {
                        "location": server.address + path,
                        "retrieveDateTime": START.isoformat(),
                        "signingCertificate": pem,
                        "signature": signature,
                    }
                    asked = {"requestId": request, "firmware": firmware}
                    return str((await rig.supervision.call("SignedUpdateFirmware", asked))["status"])

                def told(request: int) -> list[str]:
                    payloads = rig.supervision.payloads(ACTION)
                    return [payload["status"] for payload in payloads if payload["requestId"] == request]

                assert await ask(1, "/firmware", signer.pem) == "InvalidCertificate"
                root = {"certificateType": "ManufacturerRootCertificate", "certificate": WORKS.pem}
                assert await rig.supervision.call("InstallCertificate", root) == {"status": "Accepted"}
                assert await ask(2, "/firmware", revoked.pem) == "RevokedCertificate"
                assert server.requests == []
                assert await ask(3, "/other", signer.pem) == "Accepted"
                await until(lambda: told(3)[-1:] == ["InvalidSignature"])
                assert await ask(4, "/firmware", signer.pem) == "Accepted"
                await until(lambda: told(4)[-1:] == ["Installed"])
                assert told(4) == WHOLE
                boots = rig.supervision.payloads("BootNotification")
                assert [boot["firmwareVersion"] for boot in boots] == ["3.5.8803", "3.6.0"]
                assert await ask(5, "/firmware", revoked.pem) == "RevokedCertificate"

    play(scenario())
