"""The answer to SignedUpdateFirmware in a whole station between its doors, and what a station without one holds."""

from __future__ import annotations

import gc
import subprocess
import sys
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from forecourt.evlink.firmware_image import encode_image
from forecourt.evlink.generations import Product
from forecourt.station import events as happened
from forecourt.station.effects import DeleteRecord, Effect, FetchFile, LogEvent, SaveRecord, SendFrame
from forecourt.station.firmware_record import KIND, SignedUpdate
from forecourt.station.signed_firmware import LISTS_KEY, SignedFirmware, keep_revocation_lists, revocation_lists_in
from forecourt.world.world import START
from tests.firmware_signing import Manufacturer
from tests.station_bench import EPOCH_S
from tests.station_rig import Rig

IMAGE = encode_image(Product.PRO_DC_180, "3.6.0", b"")
WORKS = Manufacturer()
SIGNER = WORKS.issue()


def trusting() -> Rig:
    """A station that trusts the manufacturer."""
    rig = Rig()
    root = {"certificateType": "ManufacturerRootCertificate", "certificate": WORKS.pem}
    assert rig.ask("InstallCertificate", root) == {"status": "Accepted"}
    return rig


def ask(rig: Rig, request: int = 7, **fields: Any) -> str:
    assert START.timestamp() == EPOCH_S
    firmware = {
        "location": "http://h/f",
        "retrieveDateTime": START.isoformat(),
        "signingCertificate": SIGNER.pem,
        "signature": SIGNER.sign(IMAGE),
        **fields,
    }
    return str(rig.ask("SignedUpdateFirmware", {"requestId": request, "firmware": firmware})["status"])


def held(rig: Rig) -> list[object]:
    """Every object that the station's brain leads to."""
    found: dict[int, object] = {}
    left: list[object] = [rig.station]
    while left:
        one = left.pop()
        if id(one) not in found and not isinstance(one, type) and type(one).__name__ not in ("module", "function"):
            found[id(one)] = one
            left.extend(gc.get_referents(one))
            if isinstance(one, msgspec.Struct):  # which the collector does not follow
                left.extend(getattr(one, name) for name in one.__struct_fields__)
    return list(found.values())


def test_station_without_a_signed_update_holds_nothing_of_one() -> None:
    rig = trusting()
    kinds = (SignedUpdate, SignedFirmware)
    assert not any(isinstance(one, kinds) for one in held(rig))
    assert ask(rig, signingCertificate=Manufacturer("Others").issue().pem) == "InvalidCertificate"
    rig.effects.clear()
    assert not any(isinstance(one, kinds) for one in held(rig))
    assert ask(rig) == "Accepted"
    assert [type(one) for one in held(rig) if isinstance(one, kinds)] == [SignedUpdate]


def test_station_without_certificates_does_not_import_what_reads_them() -> None:
    """It takes tens of megabytes and a good part of a second."""
    program = (
        "import sys\n"
        "from tests.station_rig import Rig\n"
        "rig = Rig()\n"
        "rig.wait(3600)\n"
        "assert rig.calls('BootNotification')\n"
        "assert not any(name.startswith('cryptography') for name in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_each_step_is_kept_before_it_is_told() -> None:
    rig = trusting()
    ask(rig)
    fetch = next(effect for effect in rig.effects if isinstance(effect, FetchFile))
    effects = rig.handle(happened.FileFetched(fetch.id, IMAGE))
    kept = [i for i, effect in enumerate(effects) if isinstance(effect, SaveRecord) and effect.kind == KIND]
    sent = [i for i, effect in enumerate(effects) if isinstance(effect, SendFrame)]
    assert min(kept) < min(sent)
    told = [payload["status"] for payload in rig.calls("SignedFirmwareStatusNotification")]
    assert told == ["Downloading", "Downloaded", "SignatureVerified", "Installing"]


def test_failing_save_holds_reboot_and_installation_up_until_records_are_durable_again() -> None:
    rig = trusting()
    ask(rig)
    fetch = next(effect for effect in rig.effects if isinstance(effect, FetchFile))
    rig.handle(happened.SaveFailed("the disk is full"))
    rig.handle(happened.FileFetched(fetch.id, IMAGE))
    rig.wait(600)
    assert rig.calls("SignedFirmwareStatusNotification")[-1]["status"] == "SignatureVerified"
    rig.handle(happened.SaveRecovered())
    assert rig.calls("SignedFirmwareStatusNotification")[-1]["status"] == "Installing"


@pytest.mark.parametrize("field", ["location", "retrieveDateTime", "signingCertificate", "signature"])
def test_request_without_a_field_starts_nothing(field: str) -> None:
    rig = trusting()
    with pytest.raises(AssertionError, match="not answered with a CALLRESULT"):
        ask(rig, 7, **{field: None})
    assert not any(isinstance(effect, FetchFile) for effect in rig.effects)


def test_time_of_tomorrow_is_waited_for_to_the_second() -> None:
    rig = trusting()
    ask(rig, retrieveDateTime=(START + timedelta(days=1)).isoformat())
    rig.wait(86_399.0)
    assert not any(isinstance(effect, FetchFile) for effect in rig.effects)
    rig.wait(1.0)
    assert any(isinstance(effect, FetchFile) for effect in rig.effects)


def test_revocation_lists_are_found_as_they_were_kept_and_forgotten_when_they_are_empty() -> None:
    effects: list[Effect] = []
    lists = WORKS.revoke(SIGNER)
    assert keep_revocation_lists(lists, effects) == lists
    (saved,) = effects
    assert isinstance(saved, SaveRecord)
    assert revocation_lists_in({(saved.kind, saved.key): saved.data}, effects) == lists
    effects.clear()
    assert keep_revocation_lists(" \n", effects) is None
    assert effects == [DeleteRecord(KIND, LISTS_KEY)]
    assert revocation_lists_in({}, effects) is None


def test_damaged_record_of_revocation_lists_is_put_aside() -> None:
    effects: list[Effect] = []
    assert revocation_lists_in({(KIND, LISTS_KEY): b"\xff\xfe"}, effects) is None
    assert [line.name for line in effects if isinstance(line, LogEvent)] == ["Record ignored"]
