"""Make the picture of the demo's tariff, 987 x 546 as the screen's 47:26: python docs/make_tariff_picture.py

Drawn from the tariff that the demo charges by, so that the picture cannot say anything else. Chromium renders it.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from forecourt.cli.demo_tariff import PICTURE, TARIFF

WIDTH, HEIGHT = 987, 546
FONT = "DejaVu Sans, Noto Sans, sans-serif"
INK, SOFT, GREEN, LINE = "#0f2a1d", "#4c6257", "#1f9d4d", "#cfe3d6"


def rows() -> list[tuple[str, str, str]]:
    """What is charged for: the thing, the price, what for."""
    tariff = TARIFF
    return [
        ("Energy", f"{tariff.pricePerKWh} {tariff.currency}", "per kWh"),
        ("Charging time", f"{tariff.pricePerMinute} {tariff.currency}", "per minute"),
        (
            "Idle fee",
            f"{tariff.idleFeePerMinute} {tariff.currency}",
            f"per minute from the {tariff.idleGraceMinutes + 1}th minute after the end",
        ),
    ]


def text(x: float, y: float, size: int, colour: str, words: str, more: str = "") -> str:
    """A line of text."""
    return f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour}" {more}>{words}</text>'


def icon(kind: str, x: float, y: float) -> str:
    """A sign of 56 by 56 for what is charged for."""
    shapes = {
        "Energy": '<path d="M31 8 16 32h10l-3 18 17-26H29z" fill="#fff"/>',
        "Charging time": '<circle cx="28" cy="28" r="16" fill="none" stroke="#fff" stroke-width="4"/>'
        '<path d="M28 18v11l8 5" fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round"/>',
        "Idle fee": '<rect x="15" y="13" width="26" height="30" rx="6" fill="#fff"/>'
        f'<path d="M24 37V20h6a5 5 0 0 1 0 10h-6" fill="none" stroke="{GREEN}" stroke-width="4"/>',
    }
    return f'<g transform="translate({x} {y})"><rect width="56" height="56" rx="14" fill="{GREEN}"/>{shapes[kind]}</g>'


def picture() -> str:
    """The whole picture as SVG."""
    vat = f"All prices include {TARIFF.vatPercent} % VAT." if TARIFF.pricesIncludeVat else "Prices are without VAT."
    parts = [
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#f4faf6"/>',
        f'<rect width="{WIDTH}" height="118" fill="{INK}"/>',
        f'<path d="M{WIDTH - 276} 0h276v118H{WIDTH - 356}z" fill="{GREEN}"/>',
        text(48, 74, 46, "#fff", "Tariff", 'font-weight="700"'),
        text(WIDTH - 48, 70, 26, "#fff", "Forecourt demo", 'text-anchor="end" font-weight="600"'),
    ]
    for number, (thing, price, what_for) in enumerate(rows()):
        top = 146 + number * 110
        parts += [
            f'<rect x="36" y="{top}" width="{WIDTH - 72}" height="96" rx="18" fill="#fff" stroke="{LINE}" '
            'stroke-width="2"/>',
            icon(thing, 58, top + 20),
            text(138, top + 42, 28, INK, thing, 'font-weight="600"'),
            text(138, top + 74, 21, SOFT, what_for),
            text(WIDTH - 62, top + 62, 42, INK, price, 'text-anchor="end" font-weight="700"'),
        ]
    parts.append(text(WIDTH / 2, 512, 22, SOFT, f"{vat} Pay with the badge you charge with.", 'text-anchor="middle"'))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="{FONT}">'
        f"{''.join(parts)}</svg>"
    )


def main() -> None:
    """Draw it."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "tariff.html"
        style = "<style>body{margin:0}svg{display:block}</style>"
        page.write_text(f'<!doctype html><meta charset="utf-8">{style}{picture()}', encoding="utf-8")
        command = [
            *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *(f"--user-data-dir={folder}/profile", f"--window-size={WIDTH},{HEIGHT}"),
            *(f"--screenshot={PICTURE}", page.as_uri()),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=60)


if __name__ == "__main__":
    main()
