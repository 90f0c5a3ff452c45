"""The certificate store over the wire: what is installed, told and deleted (white paper M03 to M05; facts §10.8)."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import msgspec
import pytest

from forecourt.world.scripted import ScriptedSupervision
from forecourt.world.world import START, World
from tests.authorities import DAY, MANUFACTURER, SUPERVISION, Authority, key_of, pem_of

if TYPE_CHECKING:
    from pathlib import Path

    from forecourt.world.simulated_station import SimulatedStation

KEY = "00112233445566778899aabbccddeeff"
USES = (SUPERVISION, MANUFACTURER)


def install(central: ScriptedSupervision, pem: str, use: str = SUPERVISION) -> str:
    return str(central.ask("InstallCertificate", {"certificateType": use, "certificate": pem})["status"])


def told(central: ScriptedSupervision, use: str = SUPERVISION) -> list[dict[str, str]]:
    """The hash data of what is installed."""
    answer = central.ask("GetInstalledCertificateIds", {"certificateType": use})
    assert answer["status"] == ("Accepted" if "certificateHashData" in answer else "NotFound")
    found: list[dict[str, str]] = answer.get("certificateHashData", [])
    return found


def delete(central: ScriptedSupervision, data: dict[str, str]) -> str:
    return str(central.ask("DeleteCertificate", {"certificateHashData": data})["status"])


def hashes_by_openssl(folder: Path, root: Authority, issuer: Authority, algorithm: str = "sha256") -> dict[str, str]:
    """What the `openssl` command says of a certificate, in the words of OCPP."""
    files = {"issuer": issuer.pem, "cert": root.pem}
    for name, pem in files.items():
        (folder / f"{name}.pem").write_text(pem)
    asked = ["-issuer", str(folder / "issuer.pem"), f"-{algorithm}", "-cert", str(folder / "cert.pem"), "-req_text"]
    run = subprocess.run(["openssl", "ocsp", *asked], capture_output=True, text=True, check=True)
    found = dict(
        re.findall(r"(Issuer Name Hash|Issuer Key Hash|Serial Number): ([0-9A-F]+)", run.stdout.replace("\\\n", ""))
    )
    return {
        "hashAlgorithm": algorithm.upper(),
        "issuerNameHash": found["Issuer Name Hash"],
        "issuerKeyHash": found["Issuer Key Hash"],
        "serialNumber": found["Serial Number"].lstrip("0"),
    }


def upper(data: dict[str, str]) -> dict[str, str]:
    return {name: value.upper() if name != "hashAlgorithm" else value for name, value in data.items()}


def secure(world: World, root: Authority, **keys: str) -> SimulatedStation:
    """A station of `world` that is connected over TLS, with this root installed before."""
    station = world.add_station(authorization_key=KEY, keys={"MinimumStatusDuration": "0", **keys})
    world.run(5)
    central = world.central
    assert isinstance(central, ScriptedSupervision)
    station.line.server_root = root.pem
    assert install(central, root.pem) == "Accepted"
    assert central.ask("ChangeConfiguration", {"key": "SecurityProfile", "value": "2"}) == {"status": "Accepted"}
    world.run(60)
    assert station.is_connected
    assert station.snapshot().link.url.startswith("wss:")
    return station


# GetInstalledCertificateIds and InstallCertificate.


@pytest.mark.requirement("WP-M03.FR.01", "WP-M03.FR.02", "WP-M03.FR.03", "WP-M05.FR.01", "WP-M05.FR.02")
@pytest.mark.parametrize("use", USES)
def test_station_tells_of_installed_roots_of_the_kind_asked_for_and_of_no_other(
    central: ScriptedSupervision, station: SimulatedStation, use: str
) -> None:
    other = MANUFACTURER if use == SUPERVISION else SUPERVISION
    assert central.ask("GetInstalledCertificateIds", {"certificateType": use}) == {"status": "NotFound"}
    assert install(central, Authority().pem, use) == "Accepted"
    assert central.ask("GetInstalledCertificateIds", {"certificateType": use})["status"] == "Accepted"
    assert len(told(central, use)) == 1
    assert central.ask("GetInstalledCertificateIds", {"certificateType": other}) == {"status": "NotFound"}


@pytest.mark.usefixtures("openssl")
@pytest.mark.requirement("WP-M03.FR.04", "WP-6-2")
@pytest.mark.parametrize("kind", ["ec", "rsa2048"])
def test_hash_data_of_every_root_is_what_openssl_says(
    central: ScriptedSupervision, station: SimulatedStation, tmp_path: Path, kind: str
) -> None:
    """A serial number of 4095 is FFF; one that is not signed by itself is named by the name and key of its issuer."""
    first = Authority("First", kind=kind, serial=4095)
    second = Authority("Second", first, kind=kind)
    third = Authority("Third", kind=kind)
    for root in (first, second, third):
        assert install(central, root.pem) == "Accepted"
    expected = [
        hashes_by_openssl(tmp_path, root, issuer) for root, issuer in ((third, third), (second, first), (first, first))
    ]
    assert [upper(data) for data in told(central)] == expected
    assert expected[-1]["serialNumber"] == "FFF"


@pytest.mark.requirement("WP-M05.FR.06")
@pytest.mark.parametrize(
    ("pem", "why"),
    [
        ("nonsense", "can be read"),
        ("", "can be read"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "can be read"),
        (Authority().pem + Authority("Other").pem, "expected one certificate, came 2"),
        (Authority(valid=(START - 2 * DAY, START - DAY)).pem, "valid now"),
        (Authority(valid=(START + DAY, START + 2 * DAY)).pem, "valid now"),
        (Authority(is_authority=False, may_sign=False).pem, "of an authority"),
        (Authority(may_sign=False).pem, "may sign certificates"),
        (Authority(kind="rsa1024").pem, "at least 2048 bits, came one of 1024"),
        (Authority(kind="ec192").pem, "at least 224 bits, came one of 192"),
        (Authority("Child", Authority("Unknown")).pem, "signed by itself or by an installed one"),
        (pem_of(Authority().issue(key_of("a station").public_key())), "of an authority"),
    ],
)
def test_what_is_no_root_is_rejected_and_said_why(
    central: ScriptedSupervision, station: SimulatedStation, pem: str, why: str
) -> None:
    for use in USES:
        assert install(central, pem, use) == "Rejected"
        assert told(central, use) == []
    assert all(why in line.detail for line in station.log if line.name == "InstallCertificate refused")
    assert len([line for line in station.log if line.name == "InstallCertificate refused"]) == 2


@pytest.mark.requirement("WP-M05.FR.03", "GUIDE-KEY-44")
def test_full_store_takes_no_root_but_one_it_has_already(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    roots = [Authority(f"Root {number}") for number in range(11)]
    for number, root in enumerate(roots[:10]):
        assert install(central, root.pem, USES[number % 2]) == "Accepted"
    assert install(central, roots[10].pem) == "Rejected"
    assert install(central, roots[10].pem, MANUFACTURER) == "Rejected"
    assert install(central, roots[0].pem) == "Accepted"
    assert (len(told(central)), len(told(central, MANUFACTURER))) == (5, 5)
    assert delete(central, told(central)[0]) == "Accepted"
    assert install(central, roots[10].pem, MANUFACTURER) == "Accepted"


@pytest.mark.requirement("GUIDE-PNC-07")
def test_store_takes_more_roots_while_plug_and_charge_is_on(
    central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.set_key("ISO15118PnCEnabled", "true")
    for number in range(12):
        assert install(central, Authority(f"Root {number}").pem) == "Accepted"
    station.set_key("ISO15118PnCEnabled", "false")
    assert install(central, Authority("Root 12").pem) == "Rejected"
    station.set_key("ISO15118PnCEnabled", "true")
    station.set_key("CertificateStoreMaxLength", "13")
    assert install(central, Authority("Root 12").pem) == "Accepted"
    assert install(central, Authority("Root 13").pem) == "Rejected"
    assert len(told(central)) == 13


@pytest.mark.requirement("WP-M05.FR.04", "WP-M04.FR.03")
def test_while_records_can_not_be_saved_nothing_is_installed_or_deleted(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    """The answers leave when records can be saved again, and say what was true."""
    assert install(central, Authority().pem) == "Accepted"
    (kept,) = told(central)
    station.disk.fails = True
    station.set_key("DefaultIdTag", "SOMEBODY")
    world.run(10)
    asked = {
        "i": ("InstallCertificate", {"certificateType": SUPERVISION, "certificate": Authority("Other").pem}),
        "d": ("DeleteCertificate", {"certificateHashData": kept}),
    }
    for message_id, (action, payload) in asked.items():
        central.send(msgspec.json.encode([2, message_id, action, payload]))
    world.run(5)
    station.disk.fails = False
    world.run(10)
    answers = {one.id: one.payload for one in station.wire.messages if one.kind == "CALLRESULT" and one.id in asked}
    assert answers == {"i": {"status": "Failed"}, "d": {"status": "Failed"}}
    assert told(central) == [kept]


def test_installed_roots_outlive_a_power_cut_and_broken_records_do_not(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    for name in ("One", "Two"):
        assert install(central, Authority(name).pem) == "Accepted"
    before = told(central)
    station.cut()
    station.power_on()
    world.run(10)
    assert told(central) == before
    station.cut()
    broken = next(place for place in station.records if place[0] == "root")
    station.disk.records[broken] = station.disk.records[broken].replace(b"MII", b"NII", 1)
    station.power_on()
    world.run(10)
    assert len(told(central)) == 1
    assert any(line.name == "Record ignored" and line.detail.startswith("root ") for line in station.log)


# DeleteCertificate.


@pytest.mark.usefixtures("openssl")
@pytest.mark.requirement("WP-M04.FR.01", "WP-M04.FR.02", "WP-M04.FR.04", "WP-6-1")
@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("case", ["upper", "lower"])
def test_root_is_deleted_by_any_of_the_three_hashes(
    central: ScriptedSupervision, station: SimulatedStation, tmp_path: Path, algorithm: str, case: str
) -> None:
    gone, stays = Authority("Gone"), Authority("Stays")
    for root in (gone, stays):
        assert install(central, root.pem) == "Accepted"
    data = hashes_by_openssl(tmp_path, gone, gone, algorithm)
    if case == "lower":
        data = {name: value.lower() if name != "hashAlgorithm" else value for name, value in data.items()}
    assert delete(central, data) == "Accepted"
    assert [upper(one) for one in told(central)] == [hashes_by_openssl(tmp_path, stays, stays)]
    assert delete(central, data) == "NotFound"


@pytest.mark.requirement("WP-M04.FR.04")
@pytest.mark.parametrize("field", ["issuerNameHash", "issuerKeyHash", "serialNumber"])
def test_hash_data_that_differs_in_one_field_is_not_found(
    central: ScriptedSupervision, station: SimulatedStation, field: str
) -> None:
    assert install(central, Authority().pem) == "Accepted"
    (data,) = told(central)
    assert delete(central, {**data, field: "ab" * 16}) == "NotFound"
    assert told(central) == [data]


@pytest.mark.requirement("WP-M04.FR.06", "WP-M04-note-1")
def test_root_of_the_present_connection_stays_and_goes_once_it_is_not_in_use(world: World) -> None:
    """After the last root went, there is no way in over TLS any more."""
    root, other = Authority("Used"), Authority("Unused")
    station = secure(world, root)
    central = world.central
    assert isinstance(central, ScriptedSupervision)
    (used,) = told(central)
    assert install(central, other.pem) == "Accepted"
    (unused,) = [data for data in told(central) if data != used]
    assert delete(central, used) == "Failed"
    assert delete(central, unused) == "Accepted"
    assert told(central) == [used]
    station.set_key("SecurityProfile", "1")
    world.run(60)
    assert station.is_connected
    assert delete(central, used) == "Accepted"
    station.set_key("SecurityProfile", "2")
    world.run(300)
    assert not station.is_connected


@pytest.mark.requirement("WP-M04-note-1")
def test_last_root_of_the_manufacturer_can_be_deleted(central: ScriptedSupervision, station: SimulatedStation) -> None:
    assert install(central, Authority().pem, MANUFACTURER) == "Accepted"
    assert delete(central, told(central, MANUFACTURER)[0]) == "Accepted"
    assert told(central, MANUFACTURER) == []


# AdditionalRootCertificateCheck.


@pytest.mark.requirement("GUIDE-PNC-15", "WP-M05.FR.08", "WP-M05.FR.09", "WP-M05.FR.10", "WP-M05.FR.11", "WP-M05.FR.12")
def test_checked_root_replaces_the_one_that_signed_it_once_it_has_connected(world: World) -> None:
    old = Authority("Old")
    new, foreign = Authority("New", old), Authority("Foreign")
    station = secure(world, old, ISO15118PnCEnabled="true")
    central = world.central
    assert isinstance(central, ScriptedSupervision)
    check = {"key": "AdditionalRootCertificateCheck", "value": "true"}
    assert central.ask("ChangeConfiguration", check) == {"status": "Accepted"}
    before = told(central)
    assert install(central, foreign.pem) == "Rejected"
    assert told(central) == before
    assert install(central, new.pem) == "Accepted"
    assert len(told(central)) == 2
    assert install(central, Authority("Newer", new).pem) == "Failed"
    assert len(told(central)) == 2
    assert delete(central, before[0]) == "Failed"
    station.line.server_root = new.pem
    station.close_link()
    world.run(60)
    assert station.is_connected
    (only,) = told(central)
    assert only not in before
    assert install(central, Authority("Newer", new).pem) == "Accepted"


@pytest.mark.requirement("WP-M05.FR.13", "WP-M05.FR.12")
def test_server_that_fails_with_the_new_root_is_tried_with_the_fallback_at_once(world: World) -> None:
    old = Authority("Old")
    station = secure(world, old, ISO15118PnCEnabled="true", AdditionalRootCertificateCheck="true")
    central = world.central
    assert isinstance(central, ScriptedSupervision)
    new = Authority("New", old)
    assert install(central, new.pem) == "Accepted"
    for _ in range(2):
        tried = len(station.link_attempts)
        station.close_link()
        world.run(60)
        assert station.is_connected
        first, second = station.link_attempts[tried:]
        assert second - first < 1
        assert len(told(central)) == 2
    station.line.server_root = Authority("Foreign").pem
    station.close_link()
    world.run(200)
    assert not station.is_connected
    station.line.server_root = new.pem
    world.run(200)
    assert station.is_connected
    assert len(told(central)) == 1


@pytest.mark.requirement("WP-M05.FR.08")
def test_check_can_not_be_turned_on_while_there_are_several_roots(
    central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.set_key("ISO15118PnCEnabled", "true")
    for name in ("One", "Two"):
        assert install(central, Authority(name).pem) == "Accepted"
    check = {"key": "AdditionalRootCertificateCheck", "value": "true"}
    assert central.ask("ChangeConfiguration", check) == {"status": "Rejected"}
    assert delete(central, told(central)[0]) == "Accepted"
    assert central.ask("ChangeConfiguration", check) == {"status": "Accepted"}


@pytest.mark.requirement("GUIDE-PNC-15")
def test_without_the_check_roots_stand_side_by_side(world: World) -> None:
    station = secure(world, Authority("One"))
    central = world.central
    assert isinstance(central, ScriptedSupervision)
    assert install(central, Authority("Two").pem) == "Accepted"
    roots = [Authority("Three").pem, Authority("Four").pem]
    for pem in roots:
        assert install(central, pem) == "Accepted"
    for pem in roots:
        station.line.server_root = pem
        station.close_link()
        world.run(60)
        assert station.is_connected
        assert len(told(central)) == 4


@pytest.mark.requirement("WP-8-9")
def test_untrusted_supervision_is_noted_and_told_of_later(world: World) -> None:
    root = Authority()
    station = secure(world, root)
    station.line.server_root = Authority("Foreign").pem
    station.close_link()
    world.run(30)
    assert not station.is_connected
    station.line.server_root = root.pem
    world.run(200)
    assert station.is_connected
    sent = [payload["type"] for payload in station.wire.payloads("SecurityEventNotification")]
    assert "InvalidCentralSystemCertificate" in sent
    assert "CentralSystemFailedToAuthenticate" not in sent
    logged = b"".join(data for (kind, _), data in sorted(station.records.items()) if kind == "security")
    assert b'"CentralSystemFailedToAuthenticate"' in logged
