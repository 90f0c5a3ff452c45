"""The picture of the tariff: TariffDownload of com.se.tariff (reading A37).

Theory of operation. The answer carries the result, so it is owed while the picture is fetched, once and for less than
the 20 seconds that the supervision is promised. All that can be said of the request is said before anything is fetched;
whatever else goes wrong is a failed download, and the picture that was there stays. A good one takes its place as one
record, saved before the answer goes out, and outlives power cuts, so that it has to be sent only once.

Every refusal says DownloadFailed, since the guide has no word for one before the download.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecourt.evlink.picture import Picture, PictureRefused, check_picture, known_picture
from forecourt.evlink.price_messages import (
    TARIFF_MOST_BYTES,
    TARIFF_RATIO,
    DownloadStatus,
    PriceMessageRefused,
    TariffDownload,
    downloaded_text,
    read_tariff,
)
from forecourt.ocpp.core import DataTransferResponse, DataTransferStatus
from forecourt.station.calls import Later
from forecourt.station.effects import Effect, LogEvent, SaveRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forecourt.station.transfers import Outcome, Transfers

KIND, KEY = "tariff", "picture"

DOWNLOAD_TIMEOUT_S = 19.0
"""Real seconds for the one attempt: the answer is due within 20."""

DOWNLOADED = DataTransferResponse(status=DataTransferStatus.Accepted, data=downloaded_text(DownloadStatus.Downloaded))
FAILED = DataTransferResponse(status=DataTransferStatus.Rejected, data=downloaded_text(DownloadStatus.DownloadFailed))


class Tariff:
    """The picture of the tariff at one station."""

    __slots__ = ("_effects", "_is_loading", "_transfers", "is_open", "picture")

    def __init__(self, records: Mapping[tuple[str, str], bytes], transfers: Transfers, effects: list[Effect]) -> None:
        self._transfers = transfers
        self._effects = effects
        self._is_loading = False
        self.is_open = False
        """The driver has opened the page with the picture."""
        self.picture: Picture | None = None
        """The latest picture that was downloaded, by this life or an earlier one; None before the first."""
        if (data := records.get((KIND, KEY))) is not None:
            self._restore(data)

    def _restore(self, data: bytes) -> None:
        try:
            self.picture = known_picture(data)
        except PictureRefused as refused:
            self._effects.append(LogEvent("Record ignored", f"{KIND} {KEY}: {refused}"))

    def asked(self, data: str, now: float) -> DataTransferResponse | Later:
        """Answer a TariffDownload: at once if it is refused, else when the download has ended."""
        try:
            tariff = read_tariff(data)
            if self._is_loading:
                raise PriceMessageRefused("expected one TariffDownload at a time, came another during one")
        except PriceMessageRefused as refused:
            self._effects.append(LogEvent("TariffDownload refused", str(refused)))
            return FAILED
        later = Later()
        self._is_loading = True

        def ended(outcome: Outcome, at: float) -> None:
            self._is_loading = False
            later.give(self._taken(tariff, outcome))

        self._transfers.fetch(tariff.location, TARIFF_MOST_BYTES, DOWNLOAD_TIMEOUT_S, 0, 0.0, ended, now)
        return later

    def _taken(self, tariff: TariffDownload, outcome: Outcome) -> DataTransferResponse:
        try:
            picture = _picture_in(outcome)
        except PictureRefused as refused:
            self._effects.append(LogEvent("TariffDownload failed", str(refused)))
            return FAILED
        if len(picture.data) != tariff.size:
            wrong = f"expected {tariff.size} bytes as announced, came {len(picture.data)}"
            self._effects.append(LogEvent("Tariff picture of another size", wrong))
        across, down = TARIFF_RATIO
        if picture.width * down != picture.height * across:
            wrong = f"expected a ratio of {across}:{down}, came {picture.width} x {picture.height}"
            self._effects.append(LogEvent("Tariff picture of another ratio", wrong))
        self.picture = picture
        self._effects.append(SaveRecord(KIND, KEY, picture.data))
        return DOWNLOADED


def _picture_in(outcome: Outcome) -> Picture:
    if outcome.data is None:
        raise PictureRefused(f"expected a file, came {outcome.problem}: {outcome.reason}")
    if len(outcome.data) > TARIFF_MOST_BYTES:
        raise PictureRefused(f"expected at most {TARIFF_MOST_BYTES} bytes, came {len(outcome.data)}")
    return known_picture(check_picture(outcome.data).data)
