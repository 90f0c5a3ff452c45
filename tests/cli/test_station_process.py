"""What `forecourt station` says of a station."""

from __future__ import annotations

import asyncio
import json

import pytest

from forecourt.cli.station_process import Teller
from forecourt.evlink.firmware_image import encode_image
from forecourt.evlink.models import find_model
from forecourt.runtime.files import Files
from tests.file_peers import http_server
from tests.hosted_rig import Rig, until


@pytest.mark.parametrize("as_json", [True, False])
def test_a_station_that_was_updated_says_at_its_start_which_firmware_runs(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    """And not the one that it was commissioned with."""

    async def scenario() -> None:
        with http_server() as server:
            server.serve("/new", encode_image(find_model("EVD1S180THB").product, "3.6.2", b"new"))
            async with Rig(speed=600.0, files=Files()) as rig:
                station = await rig.station()
                request = {"location": f"{server.address}/new", "retrieveDate": "2020-01-01T00:00:00Z"}
                await rig.supervision.call("UpdateFirmware", request)
                await until(lambda: len(rig.supervision.payloads("BootNotification")) == 2)
                Teller(as_json).started(station, "http://127.0.0.1:8080", None)

    asyncio.run(asyncio.wait_for(scenario(), 20))
    said = capsys.readouterr().out
    assert (json.loads(said)["firmware"] if as_json else said.partition("firmware ")[2][:6].strip(".\n")) == "3.6.2"
    assert "3.5.8803" not in said
