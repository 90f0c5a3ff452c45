"""The ways to begin: what the keys allow, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser_looks import CHARGING, CHOOSE, display, expect_title

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Locator, Page

    from tests.browser_site import BrowserSite

MODES = ("RFIDEnabled", "QrCodeEnabled", "AppEnabled", "PosEnabled", "AutoCharge", "ISO15118PnCEnabled")
ADDRESS_A, ADDRESS_B = "https://pay.example/EVlink/A?x=1&y=<2>", "https://pay.example/EVlink/B"


def only(*modes: str, **others: str) -> dict[str, str]:
    """Keys that switch these modes on and the rest off, in the order that lets them be set."""
    return {"FreeCharging": "false"} | {mode: "true" if mode in modes else "false" for mode in MODES} | others


def options(page: Page) -> Locator:
    """The ways to begin that are shown."""
    return display(page).locator(".option-name")


CASES = [
    pytest.param(only("RFIDEnabled"), ["Badge"], id="badge", marks=pytest.mark.requirement("GUIDE-MODE-10")),
    pytest.param(only("QrCodeEnabled", QRcode1=ADDRESS_A), ["QR code"], id="qr"),
    pytest.param(only("QrCodeEnabled"), [], id="qr without address", marks=pytest.mark.requirement("GUIDE-MODE-13")),
    pytest.param(only("AppEnabled"), ["App"], id="app", marks=pytest.mark.requirement("GUIDE-MODE-18")),
    pytest.param(only("PosEnabled"), ["Payment terminal"], id="pos", marks=pytest.mark.requirement("GUIDE-MODE-20")),
    pytest.param(only("AutoCharge"), ["AutoCharge"], id="autocharge", marks=pytest.mark.requirement("GUIDE-MODE-22")),
    pytest.param(
        only("ISO15118PnCEnabled"), ["Plug & Charge"], id="pnc", marks=pytest.mark.requirement("GUIDE-MODE-24")
    ),
    pytest.param(
        only(*MODES, QRcode1=ADDRESS_A),
        ["Badge", "QR code", "App", "Payment terminal", "AutoCharge", "Plug & Charge"],
        id="all",
    ),
    pytest.param(
        only() | {"FreeCharging": "true", "QRcode1": ADDRESS_A, "AuthenticationOCPPMode": "true"},
        ["Badge", "QR code"],
        id="AuthenticationOCPPMode",
        marks=pytest.mark.requirement("GUIDE-MODE-02"),
    ),
]


@pytest.mark.parametrize(("keys", "shown"), CASES)
def test_driver_sees_the_options_that_the_keys_allow_and_no_other(
    keys: dict[str, str], shown: list[str], open_page: Callable[..., Page], site: BrowserSite
) -> None:
    url = site.add_station()
    site.set_keys(**keys)
    site.post("/connectors/1/plug")
    page = open_page(url)
    expect(display(page).locator(".gun-page")).to_be_visible()
    expect(options(page)).to_have_text(shown)
    expect(display(page).locator(".qr")).to_have_count(1 if "QR code" in shown else 0)


def test_driver_of_a_free_station_needs_nothing_and_charges(open_page: Callable[..., Page], site: BrowserSite) -> None:
    site.supervise("PUT", "/id-tags/GUEST", {"status": "Accepted"})
    url = site.add_station(FreeCharging="true", DefaultIdTag="GUEST")
    page = open_page(url)
    site.post("/connectors/1/plug")
    expect_title(page, CHARGING)
    expect(options(page)).to_have_count(0)


def test_options_change_on_the_open_page_when_a_key_changes(open_page: Callable[..., Page], site: BrowserSite) -> None:
    url = site.add_station()
    site.set_keys(**only("RFIDEnabled"))
    site.post("/connectors/1/plug")
    page = open_page(url)
    expect_title(page, CHOOSE)
    expect(options(page)).to_have_text(["Badge"])
    site.set_keys(AppEnabled="true")
    expect(options(page)).to_have_text(["Badge", "App"])
    site.set_keys(RFIDEnabled="false")
    expect(options(page)).to_have_text(["App"])


@pytest.fixture
def scan() -> Callable[[Path], str]:
    """What a scanner of another make reads in a picture."""
    if shutil.which("zbarimg") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("zbarimg is not installed, and CI is to scan the QR codes: .ci/run installs zbar-tools.")
        pytest.skip("zbarimg is not installed: apt-get install zbar-tools")

    def read(picture: Path) -> str:
        command = ["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", str(picture)]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout.strip()

    return read


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.requirement("GUIDE-MODE-15", "GUIDE-MODE-16")
def test_a_phone_reads_the_address_of_the_gun_that_is_shown_off_the_screen(
    width: int, open_page: Callable[..., Page], site: BrowserSite, scan: Callable[[Path], str], tmp_path: Path
) -> None:
    url = site.add_station()
    site.set_keys(**only("QrCodeEnabled", QRcode1=ADDRESS_A, QRcode2=ADDRESS_B))
    page = open_page(url, viewport={"width": width, "height": 900})
    picture = tmp_path / "seen.png"
    for connector, address in ((1, ADDRESS_A), (2, ADDRESS_B)):
        site.post(f"/connectors/{connector}/plug")
        site.post("/show", connector=connector)
        code = display(page).get_by_role("img", name=f"QR code for gun {'AB'[connector - 1]}")
        expect(code).to_be_visible()
        display(page).screenshot(path=picture)
        assert scan(picture) == address
    site.set_keys(QRcode2="")
    expect(options(page)).to_have_count(0)
    site.post("/show", connector=1)
    expect(options(page)).to_have_text(["QR code"])
