"""SecurityProfile rises in operation and never falls (white paper A05; facts §10.6; readings A5, A10)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from forecourt.station.effects import OpenLink
from forecourt.world.scripted import ScriptedSupervision
from forecourt.world.world import START, World
from tests.authorities import DAY, OPERATOR, SUPERVISION, Authority

if TYPE_CHECKING:
    from forecourt.world.simulated_station import SimulatedStation

KEY = "00112233445566778899aabbccddeeff"
ROOT = Authority()


def station_of(
    world: World,
    *,
    profile: int = 0,
    key: bool = True,
    root: bool = True,
    own: bool = True,
    lives: timedelta = 365 * DAY,
) -> SimulatedStation:
    """A booted station at this profile, with or without what the higher ones need."""
    keys = {"MinimumStatusDuration": "0", "CpoName": OPERATOR}
    station = world.add_station(authorization_key=KEY if key else None, keys=keys)
    station.line.server_root = ROOT.pem
    central = central_of(world)
    central.answers["SignCertificate"] = {"status": "Accepted"}
    world.run(5)
    station.set_key("SecurityProfile", str(profile))  # here and not above, where it would be set again in every life
    world.run(60)
    if root or own:
        installed = {"certificateType": SUPERVISION, "certificate": ROOT.pem}
        assert central.ask("InstallCertificate", installed) == {"status": "Accepted"}
    if own:
        central.ask("ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"})
        world.run(5)
        csr = station.wire.payloads("SignCertificate")[-1]["csr"]
        chain = ROOT.sign(csr, valid=(START - DAY, START + lives))
        assert central.ask("CertificateSigned", {"certificateChain": chain}) == {"status": "Accepted"}
    if own and not root:
        (data,) = central.ask("GetInstalledCertificateIds", {"certificateType": SUPERVISION})["certificateHashData"]
        assert central.ask("DeleteCertificate", {"certificateHashData": data}) == {"status": "Accepted"}
    station.close_link()
    world.run(60)
    return station


def central_of(world: World) -> ScriptedSupervision:
    central = world.central
    assert isinstance(central, ScriptedSupervision)
    return central


def change(world: World, value: int | str) -> str:
    payload = {"key": "SecurityProfile", "value": str(value)}
    return str(central_of(world).ask("ChangeConfiguration", payload)["status"])


def profile(world: World) -> str:
    (entry,) = central_of(world).ask("GetConfiguration", {"key": ["SecurityProfile"]})["configurationKey"]
    return str(entry["value"])


def attempts(station: SimulatedStation) -> list[OpenLink]:
    return [effect for effect in station.effects if isinstance(effect, OpenLink)]


def reported(station: SimulatedStation) -> list[str]:
    """The reconfigurations that the security log has."""
    lines = [data.decode() for (kind, _), data in sorted(station.records.items()) if kind == "security"]
    return [line for line in lines if "ReconfigurationOfSecurityParameters" in line and "SecurityProfile" in line]


def assert_refused(world: World, station: SimulatedStation, value: int) -> None:
    """Nothing changes and nothing reconnects."""
    before, tried = profile(world), len(station.link_attempts)
    assert change(world, value) == "Rejected"
    assert station.log[-1].name == "ChangeConfiguration refused"
    world.run(300)
    assert profile(world) == before
    assert len(station.link_attempts) == tried
    assert station.is_connected


@pytest.mark.requirement("WP-A05.FR.01")
@pytest.mark.parametrize(("present", "asked"), [(1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (3, 0), (3, 1), (3, 2), (3, 3)])
def test_profile_does_not_fall_and_is_not_set_again(world: World, present: int, asked: int) -> None:
    station = station_of(world, profile=present)
    assert_refused(world, station, asked)


@pytest.mark.requirement("WP-A05.FR.02")
@pytest.mark.parametrize("asked", [1, 2])
def test_profile_with_a_password_needs_an_authorizationkey(world: World, asked: int) -> None:
    station = station_of(world, key=False)
    assert_refused(world, station, asked)
    central_of(world).ask("ChangeConfiguration", {"key": "AuthorizationKey", "value": KEY})
    assert change(world, asked) == "Accepted"


@pytest.mark.requirement("WP-A05.FR.03")
@pytest.mark.parametrize("asked", [2, 3])
def test_profile_over_tls_needs_a_root_of_the_supervision(world: World, asked: int) -> None:
    station = station_of(world, profile=1, root=False)
    assert_refused(world, station, asked)
    central_of(world).ask("InstallCertificate", {"certificateType": SUPERVISION, "certificate": ROOT.pem})
    assert change(world, asked) == "Accepted"


@pytest.mark.requirement("WP-A05.FR.03")
def test_root_that_has_expired_since_does_not_count(world: World) -> None:
    station = station_of(world, profile=1, root=False, own=False)
    short = Authority("Short", valid=(START - DAY, START + timedelta(hours=1)))
    central_of(world).ask("InstallCertificate", {"certificateType": SUPERVISION, "certificate": short.pem})
    world.run(7200)
    assert_refused(world, station, 2)


@pytest.mark.requirement("WP-A05.FR.04")
def test_profile_3_needs_a_certificate_of_the_station(world: World) -> None:
    station = station_of(world, profile=1, own=False)
    assert_refused(world, station, 3)


@pytest.mark.requirement("WP-A05.FR.04")
def test_station_certificate_that_has_expired_since_does_not_count(world: World) -> None:
    station = station_of(world, profile=2, lives=timedelta(hours=1))
    world.run(3_600)
    assert_refused(world, station, 3)


@pytest.mark.requirement("WP-A05.FR.05", "WP-A05.FR.06", "WP-A05.FR.07", "GUIDE-SEC-05")
@pytest.mark.parametrize(("present", "asked"), [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)])
def test_raised_profile_is_accepted_and_the_station_comes_back_with_it(world: World, present: int, asked: int) -> None:
    station = station_of(world, profile=present)
    tried = len(station.link_attempts)
    assert change(world, asked) == "Accepted"
    world.run(1)
    assert not station.is_connected
    world.run(60)
    assert station.is_connected
    assert len(station.link_attempts) == tried + 1
    last = attempts(station)[-1]
    assert last.url.partition(":")[0] == ("ws" if asked == 1 else "wss")
    assert (last.password is not None) == (asked in (1, 2))
    assert (last.chain != "") == (asked == 3)
    assert last.roots == (None if asked == 1 else (ROOT.pem,))
    assert profile(world) == str(asked)
    world.run(600)
    assert_refused(world, station, present)


@pytest.mark.requirement("WP-A05.FR.08")
@pytest.mark.parametrize("asked", [2, 3])
def test_profile_that_does_not_connect_is_given_up_after_three_tries(world: World, asked: int) -> None:
    station = station_of(world, profile=1)
    station.line.server_root = Authority("Foreign").pem
    tried = len(station.link_attempts)
    assert change(world, asked) == "Accepted"
    world.run(600)
    assert station.is_connected
    schemes = [attempt.url.partition(":")[0] for attempt in attempts(station)[tried:]]
    assert schemes == ["wss", "wss", "wss", "ws"]
    assert profile(world) == "1"
    assert f"SecurityProfile=1 by the station, as {asked} did not connect" in reported(station)[-1]
    station.line.server_root = ROOT.pem
    assert change(world, asked) == "Accepted"
    world.run(60)
    assert profile(world) == str(asked)


@pytest.mark.requirement("WP-A05.FR.08")
def test_power_cut_during_the_trial_does_not_lock_the_station_out(world: World) -> None:
    station = station_of(world, profile=1)
    station.line.server_root = Authority("Foreign").pem
    assert change(world, 2) == "Accepted"
    world.run(8)
    station.cut()
    station.power_on()
    world.run(600)
    assert station.is_connected
    assert profile(world) == "1"


def test_profile_that_has_connected_once_is_kept_whatever_happens_later(world: World) -> None:
    station = station_of(world, profile=1)
    assert change(world, 2) == "Accepted"
    world.run(60)
    station.line.server_root = Authority("Foreign").pem
    station.close_link()
    world.run(3600)
    assert not station.is_connected
    assert {attempt.url.partition(":")[0] for attempt in attempts(station)[-5:]} == {"wss"}
    station.cut()
    station.power_on()
    world.run(600)
    assert {attempt.url.partition(":")[0] for attempt in attempts(station)[-3:]} == {"wss"}


def test_installer_ends_the_trial(world: World) -> None:
    station = station_of(world, profile=1)
    station.line.server_root = Authority("Foreign").pem
    assert change(world, 2) == "Accepted"
    world.run(8)
    station.set_key("SecurityProfile", "2")
    world.run(600)
    assert {attempt.url.partition(":")[0] for attempt in attempts(station)[-3:]} == {"wss"}
    station.set_key("SecurityProfile", "0")
    world.run(600)
    assert station.is_connected


def test_station_without_certificates_asks_for_none(world: World) -> None:
    """Who never had one pays nothing and trusts what its driver trusts."""
    station = station_of(world, root=False, own=False)
    (last, *_) = reversed(attempts(station))
    assert (last.roots, last.chain, last.key) == (None, "", "")
