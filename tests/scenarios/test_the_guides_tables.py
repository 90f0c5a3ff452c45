"""The guide's tables about who may charge, to be read beside it: "User Authentication" and what follows it.

Every test is a table and every row a row of the guide, in its order and near its words. What a row means in detail is
proved in `test_authentication_modes.py`, `test_offline_strategies.py`, `test_local_authentication.py` and
`test_remote_start.py`; here nothing is left out and nothing stands that the guide does not print.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pytest

from forecourt.cabinet.archetypes import FAMILY_CAR

if TYPE_CHECKING:
    from forecourt.world.scripted import ScriptedSupervision
    from forecourt.world.simulated_station import SimulatedStation
    from forecourt.world.world import World

CAR = msgspec.structs.replace(FAMILY_CAR, mac=None)
"""A vehicle that tells nothing of itself."""
CAR_WITH_MAC = msgspec.structs.replace(FAMILY_CAR, mac="92D50A693F80")


def set_keys(central: ScriptedSupervision, keys: str) -> None:
    """Set keys as the guide's tables print them: Name=value, with spaces between."""
    for each in keys.split():
        name, value = each.split("=")
        assert central.ask("ChangeConfiguration", {"key": name, "value": value}) == {"status": "Accepted"}, each


def started(station: SimulatedStation) -> list[tuple[int, str]]:
    """Connector and idTag of every transaction, oldest first."""
    return [(payload["connectorId"], payload["idTag"]) for payload in station.wire.payloads("StartTransaction")]


def rows(*table: tuple[str, ...], width: int) -> list[Any]:
    """Rows whose first cell names their requirements, separated by spaces, and whose next `width` cells are text."""
    return [
        pytest.param(*row[1:], id=", ".join(cell for cell in row[1 : 1 + width] if cell), marks=proves(row[0]))
        for row in table
    ]


def proves(ids: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.requirement(*ids.split())] if ids else []


# "User Authentication Modes" and "OCPP Keys for Authentication modes".


class Mode(NamedTuple):
    """A row of the guide: the mode, the keys that select it, and who charges then (a way, and the idTag it shows)."""

    mode: str
    keys: str
    charges: dict[str, str]


WAYS = ("just plugs in", "shows a badge", "is started remotely", "has a MAC address")
BADGE = {"shows a badge": "BADGE"}
REMOTE = {"is started remotely": "REMOTE"}
FREE = dict.fromkeys(WAYS, "SIMTAG")
MODES = (
    # Legacy authentication modes.
    Mode("Authentication required from CPO", "AuthenticationOCPPMode=true", BADGE | REMOTE),
    Mode("Free (no badge needed)", "AuthenticationOCPPMode=false", FREE),
    Mode(
        "Free, default idTag provided by CPO",
        "DefaultIdTag=FROM-CPO AuthenticationOCPPMode=false",
        dict.fromkeys(WAYS, "FROM-CPO"),
    ),
    # New authentication modes from 3.5.8803.
    Mode("Free (no badge needed)", "FreeCharging=true", FREE),
    Mode(
        "Free, default idTag provided by CPO",
        "DefaultIdTag=FROM-CPO FreeCharging=true",
        dict.fromkeys(WAYS, "FROM-CPO"),
    ),
    Mode("RFID authentication by CPO", "FreeCharging=false RFIDEnabled=true", BADGE),
    Mode("Remote start by CPO, no option on HMI", "FreeCharging=false QRcodeEnabled=true QRcode1= QRcode2=", REMOTE),
    Mode(
        "Remote start by CPO, QR code on HMI",
        "FreeCharging=false QRcodeEnabled=true QRcode1=https://pay.example/1 QRcode2=https://pay.example/2",
        REMOTE,
    ),
    Mode("Remote start by CPO, app on HMI", "FreeCharging=false AppEnabled=true", REMOTE),
    Mode("Remote start by CPO, payment terminal on HMI", "FreeCharging=false POSEnabled=true", REMOTE),
    Mode(
        "MAC address authentication by CPO",
        "FreeCharging=false Autocharge=true",
        {"has a MAC address": "92D50A693F80"},
    ),
    # A contract starts nothing yet: no vehicle here has one to offer, and nothing else is on.
    Mode("ISO 15118-2 Plug & Charge", "FreeCharging=false ISO15118PnCEnabled=true", {}),
)
EVERY_MODE = ("QRcodeEnabled", "RFIDEnabled", "POSEnabled", "AppEnabled", "Autocharge", "ISO15118PnCEnabled")
"""All but FreeCharging, spelled as in the guide's table of modes."""


def come_and_charge(world: World, central: ScriptedSupervision, station: SimulatedStation, way: str) -> None:
    """A driver comes by one of the ways."""
    station.plug(1, CAR_WITH_MAC if way == "has a MAC address" else CAR)
    world.run(10)
    if way == "shows a badge":
        station.badge("BADGE")
    elif way == "is started remotely":
        central.ask("RemoteStartTransaction", {"connectorId": 1, "idTag": "REMOTE"})
    world.run(30)


def in_mode(central: ScriptedSupervision, mode: Mode) -> None:
    """Only this mode is on."""
    set_keys(central, " ".join(f"{name}=false" for name in EVERY_MODE))
    set_keys(central, mode.keys)


@pytest.mark.requirement("GUIDE-MODE-03", "GUIDE-MODE-07", "GUIDE-MODE-11")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: f"{mode.mode}: {mode.keys.split()[-1]}")
def test_mode_lets_those_charge_whom_its_row_names_and_nobody_else(
    world: World, central: ScriptedSupervision, station: SimulatedStation, mode: Mode, way: str
) -> None:
    in_mode(central, mode)
    come_and_charge(world, central, station, way)
    id_tag = mode.charges.get(way)
    assert started(station) == ([] if id_tag is None else [(1, id_tag)])
    assert station.status() == ("Preparing" if id_tag is None else "Charging")


@pytest.mark.requirement("GUIDE-MODE-01", "GUIDE-MODE-21")
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: f"{mode.mode}: {mode.keys.split()[-1]}")
def test_cpo_that_refuses_is_obeyed_in_every_mode_but_the_free_ones(
    world: World, central: ScriptedSupervision, station: SimulatedStation, mode: Mode
) -> None:
    in_mode(central, mode)
    central.answers["Authorize"] = {"idTagInfo": {"status": "Blocked"}}
    for way in mode.charges:
        come_and_charge(world, central, station, way)
        assert station.wire.payloads("Authorize")[-1] == {"idTag": mode.charges[way]}
        assert (station.status() == "Charging") is ("Free" in mode.mode)
        station.unplug(1)
        world.run(10)


@pytest.mark.requirement("GUIDE-MODE-25", "GUIDE-MODE-26")
@pytest.mark.parametrize("name", EVERY_MODE)
def test_note_1_freecharging_is_exclusive_and_false_before_another_mode_is_enabled(
    central: ScriptedSupervision, station: SimulatedStation, name: str
) -> None:
    set_keys(central, f"{name}=false FreeCharging=true")
    assert central.ask("ChangeConfiguration", {"key": name, "value": "true"}) == {"status": "Rejected"}
    assert "FreeCharging" in station.log[-1].detail
    set_keys(central, f"FreeCharging=false {name}=true")


@pytest.mark.requirement("GUIDE-MODE-27")
@pytest.mark.parametrize("on", list(product(("false", "true"), repeat=6)), ids=lambda on: "".join(v[0] for v in on))
def test_note_2_all_other_modes_combine_freely(
    world: World, central: ScriptedSupervision, station: SimulatedStation, on: tuple[str, ...]
) -> None:
    """64 combinations: who charges under one is who charges under any of its modes alone."""
    values = dict(zip(EVERY_MODE, on, strict=True))
    set_keys(central, " ".join(f"{name}={value}" for name, value in values.items()))
    read = central.ask("GetConfiguration", {"key": list(EVERY_MODE)})["configurationKey"]
    assert [entry["value"] for entry in read] == list(on)
    is_on = {name: value == "true" for name, value in values.items()}
    remote = is_on["QRcodeEnabled"] or is_on["POSEnabled"] or is_on["AppEnabled"]
    answer = central.ask("RemoteStartTransaction", {"connectorId": 2, "idTag": "REMOTE"})
    assert answer == {"status": "Accepted" if remote else "Rejected"}
    station.plug(2, CAR)
    world.run(10)
    station.plug(1, CAR_WITH_MAC)
    world.run(10)
    station.badge("BADGE")  # connector 1 is shown
    world.run(10)
    expected = [(2, "REMOTE")] if remote else []
    if is_on["Autocharge"]:
        expected.append((1, "92D50A693F80"))  # for which the badge of another driver changes nothing
    elif is_on["RFIDEnabled"]:
        expected.append((1, "BADGE"))
    assert started(station) == expected


# "Offline Strategies".

BADGES = ("CACHED", "LISTED", "NEITHER")
STRATEGIES = rows(
    (
        "GUIDE-OFF-01 GUIDE-MODE-33",
        "Allow all badges",
        "AllowOfflineTxForUnknownId=true",
        "CACHED LISTED NEITHER",
    ),
    (
        "GUIDE-OFF-02 GUIDE-MODE-34",
        "Cache list only",
        "AllowOfflineTxForUnknownId=false LocalAuthorizeOffline=true AuthorizationCacheEnable=true",
        "CACHED",
    ),
    (
        "GUIDE-OFF-03 GUIDE-MODE-35",
        "Local list only",
        "AllowOfflineTxForUnknownId=false LocalAuthorizeOffline=true LocalAuthListEnabled=true",
        "LISTED",
    ),
    (
        "GUIDE-OFF-04 GUIDE-MODE-37",
        "Reject all badges",
        "AllowOfflineTxForUnknownId=false LocalAuthorizeOffline=false",
        "",
    ),
    width=1,
)


@pytest.mark.parametrize("badge", BADGES)
@pytest.mark.parametrize(("strategy", "keys", "accepted"), STRATEGIES)
def test_offline_strategy_accepts_the_badges_of_its_row(
    world: World,
    central: ScriptedSupervision,
    station: SimulatedStation,
    strategy: str,
    keys: str,
    accepted: str,
    badge: str,
) -> None:
    """Cache and list are in use unless the row is that of the other one."""
    set_keys(central, "AuthorizationCacheEnable=true LocalAuthListEnabled=true")
    central.answers["StartTransaction"] = {"transactionId": 1, "idTagInfo": {"status": "Accepted"}}
    come_with_badge(world, station, "CACHED")
    entries = [{"idTag": "LISTED", "idTagInfo": {"status": "Accepted"}}]
    update = {"listVersion": 1, "updateType": "Full", "localAuthorizationList": entries}
    assert central.ask("SendLocalList", update) == {"status": "Accepted"}
    if strategy == "Cache list only":
        set_keys(central, "LocalAuthListEnabled=false")
    elif strategy == "Local list only":
        set_keys(central, "AuthorizationCacheEnable=false")
    set_keys(central, keys)
    station.network_down()
    assert come_with_badge(world, station, badge) is (badge in accepted.split())


def come_with_badge(world: World, station: SimulatedStation, badge: str) -> bool:
    """Whether a driver charges with a badge."""
    station.plug(1, CAR)
    world.run(5)
    station.badge(badge)
    world.run(30)
    is_charging = station.status() == "Charging"
    station.unplug(1)
    world.run(5)
    return is_charging


def test_allow_all_badges_is_the_default_strategy(
    world: World, central: ScriptedSupervision, station: SimulatedStation
) -> None:
    station.network_down()
    assert come_with_badge(world, station, "NEITHER")


# "Local Authentication".


@pytest.mark.parametrize(
    ("when", "plugged", "touched", "then"),
    rows(
        ("GUIDE-LOCAL-01", "One connector is plugged in", "1", "", "1"),
        ("GUIDE-LOCAL-01", "One connector is plugged in (2)", "2", "", "2"),
        ("GUIDE-LOCAL-02", "Both connectors are plugged in", "1 2", "", "1"),
        ("GUIDE-LOCAL-02", "Both are plugged in and the screen is touched", "1 2", "2", "2"),
        ("GUIDE-LOCAL-05", "No connector is plugged in", "", "", ""),
        width=1,
    ),
)
def test_badge_starts_the_connector_of_its_row(
    world: World, station: SimulatedStation, when: str, plugged: str, touched: str, then: str
) -> None:
    for connector in map(int, plugged.split()):
        station.plug(connector, CAR)
    if touched:
        station.show(int(touched))
    world.run(5)
    station.badge("BADGE")
    world.run(30)
    assert started(station) == ([(int(then), "BADGE")] if then else [])
    assert [payload["idTag"] for payload in station.wire.payloads("Authorize")] == (["BADGE"] if then else [])


# "Remote Authentication".

BEFORE, AFTER = "plugged in within 2 minutes", "not plugged in within 2 minutes"
STARTS, REJECTED, DROPPED = "The charging operation starts", "The request is rejected", "The request is dropped"
ALLOWED = "EnableRemoteStartNoConnectedEV"


@pytest.mark.parametrize("connector", [1, 2])
@pytest.mark.parametrize(
    ("when", "keys", "later", "then"),
    rows(
        ("GUIDE-RSID-01", "The connector is plugged in", f"{ALLOWED}=false", "", STARTS),
        ("GUIDE-RSID-01", "The connector is plugged in", f"{ALLOWED}=true", "", STARTS),
        ("GUIDE-RSID-02", "The connector is not plugged in", f"{ALLOWED}=false", BEFORE, REJECTED),
        ("GUIDE-RSID-03", "The connector is not plugged in", f"{ALLOWED}=true", BEFORE, STARTS),
        ("GUIDE-RSID-04", "The connector is not plugged in", f"{ALLOWED}=true", AFTER, DROPPED),
        ("GUIDE-RSID-05", "The connector ID is incorrect", f"{ALLOWED}=true", BEFORE, REJECTED),
        width=3,
    ),
)
def test_remote_start_with_connector_id_ends_as_its_row_says(
    world: World,
    central: ScriptedSupervision,
    station: SimulatedStation,
    when: str,
    keys: str,
    later: str,
    then: str,
    connector: int,
) -> None:
    set_keys(central, keys)
    asked = connector + 2 if when == "The connector ID is incorrect" else connector
    plugged = (connector,) if when == "The connector is plugged in" else ()
    ask_and_plug(world, central, station, {"connectorId": asked, "idTag": "REMOTE"}, plugged, connector, later, then)
    assert started(station) == ([(connector, "REMOTE")] if then == STARTS else [])


@pytest.mark.parametrize(
    ("when", "keys", "later", "then"),
    rows(
        ("GUIDE-RSNO-01", "One connector is plugged in", f"{ALLOWED}=false", "", STARTS),
        ("GUIDE-RSNO-01", "One connector is plugged in", f"{ALLOWED}=true", "", STARTS),
        ("GUIDE-RSNO-02", "Both connectors are plugged in", f"{ALLOWED}=false", "", f"{STARTS} on connector 1"),
        ("GUIDE-RSNO-02", "Both connectors are plugged in", f"{ALLOWED}=true", "", f"{STARTS} on connector 1"),
        ("GUIDE-RSNO-04", "No connector is plugged in", f"{ALLOWED}=false", BEFORE, REJECTED),
        ("GUIDE-RSNO-05", "No connector is plugged in", f"{ALLOWED}=true", BEFORE, STARTS),
        ("GUIDE-RSNO-06", "No connector is plugged in", f"{ALLOWED}=true", AFTER, DROPPED),
        width=3,
    ),
)
@pytest.mark.parametrize("connector", [1, 2])
def test_remote_start_without_connector_id_ends_as_its_row_says(
    world: World,
    central: ScriptedSupervision,
    station: SimulatedStation,
    when: str,
    keys: str,
    later: str,
    then: str,
    connector: int,
) -> None:
    """`connector` is the one that is plugged in, now or later."""
    set_keys(central, keys)
    plugged = {"One connector is plugged in": (connector,), "Both connectors are plugged in": (2, 1)}.get(when, ())
    ask_and_plug(world, central, station, {"idTag": "REMOTE"}, plugged, connector, later, then)
    expected = 1 if len(plugged) == 2 else connector
    assert started(station) == ([(expected, "REMOTE")] if then.startswith(STARTS) else [])


def ask_and_plug(
    world: World,
    central: ScriptedSupervision,
    station: SimulatedStation,
    asked: dict[str, Any],
    plugged: tuple[int, ...],
    connector: int,
    later: str,
    then: str,
) -> None:
    """Plug what is plugged, ask for the start, and plug the connector in later if the row says when."""
    for number in plugged:
        station.plug(number, CAR)
    world.run(5)
    answer = central.ask("RemoteStartTransaction", asked)
    assert answer == {"status": "Rejected" if then == REJECTED else "Accepted"}
    if later:
        world.run(119 if later == BEFORE else 121)
        station.plug(connector, CAR)
    world.run(30)
    for number in (1, 2):
        assert (station.status(number) == "Charging") is (number in dict(started(station)))
