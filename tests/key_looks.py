"""What is done at a station, and what is then seen, for each configuration key: `scenarios/test_every_key_alive.py`.

Each function gets a scene whose station has the key at some value, and returns what was seen on the wire, at the meter
or on the screen.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from forecourt.cabinet.archetypes import CHADEMO_CAR, FAMILY_CAR, LONG_DISTANCE_CAR
from forecourt.cabinet.cabinet import GunError
from forecourt.world.scripted import ScriptedSupervision
from forecourt.world.world import START, World
from tests.charging_profiles import default, install
from tests.firmware_signing import Manufacturer

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecourt.station.commissioning import StationOptions
    from forecourt.world.wire import Message

HUNGRY = msgspec.structs.replace(
    LONG_DISTANCE_CAR, curve=((0, 400), (100, 400)), max_current_a=500.0, soc_percent=5.0, battery_kwh=500.0
)
"""A car that takes more than any gun gives."""
CAR_WITH_MAC = msgspec.structs.replace(FAMILY_CAR, mac="92D50A693F80")
PASSWORD, OTHER_PASSWORD = "00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100"
PAY_A, PAY_B = "https://pay.example/A", "https://pay.example/B"
MODES = ("RFIDEnabled", "QrCodeEnabled", "AppEnabled", "PosEnabled", "AutoCharge", "ISO15118PnCEnabled")


class Scene:
    """A booted station with two guns and a supervision that does what the row says."""

    def __init__(self, model: str = "EVD1S180TBB", options: StationOptions | None = None) -> None:
        self.world = World(central=ScriptedSupervision)
        assert isinstance(self.world.central, ScriptedSupervision)
        self.central = self.world.central
        self.station = self.world.add_station(model=model, options=options, keys={"MinimumStatusDuration": "0"})
        self.run(5)

    def run(self, seconds: float) -> None:
        self.world.run(seconds)

    def change(self, **values: str) -> None:
        """The supervision changes keys."""
        for name, value in values.items():
            answer = self.central.ask("ChangeConfiguration", {"key": name, "value": value})
            assert answer["status"] in ("Accepted", "RebootRequired"), (name, value)

    def read(self, name: str) -> Any:
        (entry,) = self.central.ask("GetConfiguration", {"key": [name]})["configurationKey"]
        return entry.get("value")

    def status_of(self, action: str, payload: dict[str, Any]) -> str:
        """How the station answers: a status, or the code of an error."""
        answer = self.central.call(action, payload)
        return str(answer.payload["status" if answer.kind == "CALLRESULT" else "code"])

    def session(self, connector: int = 1, car: Any = FAMILY_CAR, tag: str = "TAG1") -> None:
        """A driver plugs in and shows a badge."""
        self.station.plug(connector, car)
        self.run(1)
        self.station.show(connector)
        self.station.badge(tag)
        self.run(1)

    def starts_offline(self, tag: str) -> bool:
        """Whether a badge starts a session while there is no supervision."""
        self.station.network_down()
        self.session(1, tag=tag)
        return self.station.connector(1).transaction is not None

    def calls(self, *actions: str) -> list[Message]:
        return [call for call in self.station.wire.calls() if call.action in actions]

    def options_shown(self) -> tuple[str, ...]:
        """What the screen offers the driver of gun A."""
        self.station.plug(1)
        self.run(10)
        gun = self.station.snapshot().screen.gun
        assert gun is not None
        return tuple(str(option.value) for option in gun.options)


# Who may charge.


def offline_stranger(scene: Scene, _: str) -> bool:
    return scene.starts_offline("STRANGER")


def offline_after_a_session(scene: Scene, _: str) -> bool:
    scene.change(AllowOfflineTxForUnknownId="false")
    scene.session()
    scene.station.unplug()
    scene.run(5)
    return scene.starts_offline("TAG1")


def list_tag(scene: Scene) -> None:
    scene.change(LocalAuthListEnabled="true")
    entry = {"idTag": "LISTED", "idTagInfo": {"status": "Accepted"}}
    sent = {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [entry]}
    assert scene.status_of("SendLocalList", sent) == "Accepted"


def offline_with_a_listed_tag(scene: Scene, _: str) -> bool:
    scene.change(AllowOfflineTxForUnknownId="false")
    list_tag(scene)
    return scene.starts_offline("LISTED")


def online_with_a_listed_tag(scene: Scene, _: str) -> list[str]:
    list_tag(scene)
    scene.central.silent.add("Authorize")
    scene.session(tag="LISTED")
    return [call.action for call in scene.calls("Authorize", "StartTransaction")]


def send_a_list(scene: Scene, _: str) -> str:
    return scene.status_of("SendLocalList", {"listVersion": 1, "updateType": "Full"})


def longest_list(scene: Scene, _: str) -> list[str]:
    """Full lists of 2, 3 and 4 tags."""

    def send(count: int) -> str:
        tags = [{"idTag": f"T{number}", "idTagInfo": {"status": "Accepted"}} for number in range(count)]
        sent = {"listVersion": 1, "updateType": "Full", "localAuthorizationList": tags}
        return scene.status_of("SendLocalList", sent)

    scene.change(LocalAuthListEnabled="true")
    return [send(count) for count in (2, 3, 4)]


def remote_start(scene: Scene, _: str) -> list[str]:
    scene.station.plug()
    scene.run(1)
    scene.status_of("RemoteStartTransaction", {"connectorId": 1, "idTag": "REMOTE"})
    scene.run(1)
    return [call.action for call in scene.calls("Authorize", "StartTransaction")]


def remote_start_without_a_car(scene: Scene, _: str) -> str:
    return scene.status_of("RemoteStartTransaction", {"connectorId": 1, "idTag": "REMOTE"})


def wait_for_the_plug(scene: Scene, _: str) -> int:
    """Seconds for which a remote start holds the gun."""
    scene.status_of("RemoteStartTransaction", {"connectorId": 1, "idTag": "REMOTE"})
    since = scene.world.now
    assert scene.station.status() == "Preparing"
    scene.world.run_until(lambda: scene.station.status() == "Available")
    return round(scene.world.now - since)


def reserve_any_gun(scene: Scene, _: str) -> str:
    wanted = {"connectorId": 0, "idTag": "T", "reservationId": 1, "expiryDate": "2026-03-02T09:00:00Z"}
    return scene.status_of("ReserveNow", wanted)


def tags_asked_for(scene: Scene, _: str) -> list[str]:
    """Of the Authorize requests after a car was plugged, without a badge."""
    scene.station.plug(1, CAR_WITH_MAC)
    scene.run(20)
    return [call.payload["idTag"] for call in scene.calls("Authorize")]


def free_tag(scene: Scene, value: str) -> list[str]:
    scene.change(FreeCharging="true")
    return tags_asked_for(scene, value)


def automatic_tag(scene: Scene, value: str) -> list[str]:
    scene.change(AutoCharge="true")
    return tags_asked_for(scene, value)


def badge(scene: Scene, _: str) -> list[str]:
    scene.session()
    return [call.action for call in scene.calls("Authorize", "StartTransaction")]


def options_of(mode: str) -> Callable[[Scene, str], tuple[str, ...]]:
    def look_at_the_screen(scene: Scene, _: str) -> tuple[str, ...]:
        """With every other mode off."""
        scene.change(**{other: "false" for other in MODES if other != mode}, QRcode1=PAY_A)
        return scene.options_shown()

    return look_at_the_screen


def codes_shown(scene: Scene, _: str) -> list[str | None]:
    """The QR codes of gun A and gun B."""
    codes: list[str | None] = []
    for connector in (1, 2):
        scene.station.plug(connector)
        scene.run(1)
        scene.station.show(connector)
        gun = scene.station.snapshot().screen.gun
        assert gun is not None
        codes.append(gun.qrCode)
    return codes


# What is told of a session.


def measured(scene: Scene, context: str) -> list[str]:
    """The measurands of the first sample."""
    scene.session()
    scene.run(121)
    samples = [call.payload["meterValue"][0]["sampledValue"] for call in scene.calls("MeterValues")]
    return next([value["measurand"] for value in rows] for rows in samples if rows[0]["context"] == context)


def aligned_measurands(scene: Scene, _: str) -> list[str]:
    scene.change(ClockAlignedDataInterval="60")
    return measured(scene, "Sample.Clock")


def sampled_measurands(scene: Scene, _: str) -> list[str]:
    return measured(scene, "Sample.Periodic")


def measurands_with_voltage(scene: Scene, _: str) -> list[str]:
    scene.change(MeterValuesSampledData="SoC,Voltage")
    return measured(scene, "Sample.Periodic")


def samples_in_ten_minutes(scene: Scene, context: str) -> int:
    scene.session()
    scene.run(601)
    samples = [call.payload["meterValue"][0]["sampledValue"][0]["context"] for call in scene.calls("MeterValues")]
    return samples.count(context)


def aligned_samples(scene: Scene, _: str) -> int:
    return samples_in_ten_minutes(scene, "Sample.Clock")


def periodic_samples(scene: Scene, _: str) -> int:
    return samples_in_ten_minutes(scene, "Sample.Periodic")


def samples_of_ten_minutes_offline(scene: Scene, _: str) -> int:
    """Told after the reconnect, of the time before."""
    scene.session()
    scene.station.network_down()
    scene.run(595)
    before = scene.world.clock_s
    scene.station.network_up()
    scene.run(50)
    stamps = [call.payload["meterValue"][0]["timestamp"] for call in scene.calls("MeterValues")]
    return sum(datetime.fromisoformat(stamp).timestamp() < before for stamp in stamps)


def longest_measurands(name: str) -> Callable[[Scene, str], list[str]]:
    def try_lengths(scene: Scene, _: str) -> list[str]:
        """Lists of one, two and three measurands."""
        items = ["SoC", "Voltage", "Power.Offered"]
        lists = [",".join(items[:length]) for length in (1, 2, 3)]
        return [scene.status_of("ChangeConfiguration", {"key": name, "value": value}) for value in lists]

    return try_lengths


def data_at_the_end(interval: str) -> Callable[[Scene, str], set[str]]:
    def end_a_session(scene: Scene, _: str) -> set[str]:
        """The measurands in StopTransaction."""
        scene.change(**{interval: "60"})
        scene.session()
        scene.run(120)
        scene.station.unplug()
        scene.run(5)
        (stop,) = scene.calls("StopTransaction")
        return {
            value["measurand"] for data in stop.payload.get("transactionData", []) for value in data["sampledValue"]
        }

    return end_a_session


def pull_the_plug(scene: Scene, _: str) -> list[str]:
    """At the car, in a session."""
    scene.session()
    scene.run(60)
    scene.station.unplug()
    scene.run(30)
    return [call.payload["reason"] for call in scene.calls("StopTransaction")]


def refused_start(scene: Scene, _: str) -> list[str]:
    scene.central.answers["StartTransaction"] = {"idTagInfo": {"status": "Blocked"}, "transactionId": 1}
    scene.session()
    scene.run(60)
    return [call.payload["reason"] for call in scene.calls("StopTransaction")]


def transmissions(scene: Scene, _: str) -> int:
    scene.central.errors["StartTransaction"] = "InternalError"
    scene.session()
    scene.run(900)
    return len(scene.calls("StartTransaction"))


def wait_before_the_repeat(scene: Scene, _: str) -> int:
    scene.central.errors["StartTransaction"] = "InternalError"
    scene.session()
    scene.run(300)
    first, second = (call.at for call in scene.calls("StartTransaction"))
    return round(second - first)


def calls_beside_one_without_answer(scene: Scene, _: str) -> list[str]:
    scene.session()
    scene.central.silent.add("MeterValues")
    scene.world.run_until(lambda: bool(scene.calls("MeterValues")))
    before = len(scene.station.wire.calls())
    scene.station.plug(2)
    scene.run(10)
    return [call.action for call in scene.station.wire.calls()[before:]]


def stored_samples_hold_up_a_live_one(scene: Scene, _: str) -> bool:
    """Whether samples come in time order after half an hour offline, over a slow network."""
    scene.world.latency_s = 1.0
    scene.change(MeterValueSampleInterval="10", disconnectedMeterValueSampleInterval="30")
    scene.session()
    scene.station.network_down()
    scene.run(1800)
    scene.station.network_up()
    scene.run(600)
    stamps = [call.payload["meterValue"][0]["timestamp"] for call in scene.calls("MeterValues")]
    return stamps == sorted(stamps)


# What is told of the station.


def heartbeats_in_ten_minutes(scene: Scene, _: str) -> int:
    scene.run(600)
    return len(scene.calls("Heartbeat"))


def pings_in_ten_minutes(scene: Scene, _: str) -> int:
    before = scene.station.pings
    scene.run(601)
    return scene.station.pings - before


def delay_of_a_status(scene: Scene, _: str) -> int:
    scene.station.plug()
    plugged_at = scene.world.now
    scene.run(60)
    return round(scene.calls("StatusNotification")[-1].at - plugged_at)


def lives_after_a_reset_that_fails_twice(scene: Scene, _: str) -> int:
    assert scene.status_of("Reset", {"type": "Hard"}) == "Accepted"
    scene.run(200)
    return scene.station.lives


def address_after_a_reboot(scene: Scene, _: str) -> str:
    scene.station.reboot()
    scene.run(120)
    assert scene.station.is_connected
    return scene.station.snapshot().link.url


def identity_after_a_reboot(scene: Scene, _: str) -> str:
    scene.station.reboot()
    scene.run(120)
    assert scene.station.is_connected
    return scene.station.snapshot().identity


def password_of_the_next_connection(scene: Scene, _: str) -> str | None:
    scene.station.set_key("SecurityProfile", "1")
    scene.station.close_link()
    scene.run(60)
    password = scene.central.passwords[-1]
    return None if password is None else password.hex()


def next_connection(scene: Scene, _: str) -> tuple[str, bool]:
    """Its scheme, and whether it has a password."""
    scene.station.set_key("AuthorizationKey", PASSWORD)
    scene.station.close_link()
    scene.run(60)
    return scene.station.snapshot().link.url.partition(":")[0], scene.central.passwords[-1] is not None


def security_events_of_a_reboot(scene: Scene, _: str) -> bool:
    before = len(scene.calls("SecurityEventNotification"))
    scene.station.reboot()
    scene.run(120)
    return len(scene.calls("SecurityEventNotification")) > before


def ask_for_keys(scene: Scene, _: str) -> list[str]:
    """GetConfiguration of 3, 4 and 201 names."""
    answers = (
        scene.central.call("GetConfiguration", {"key": [f"K{n}" for n in range(count)]}) for count in (3, 4, 201)
    )
    return [answer.kind for answer in answers]


def keys_of_plug_and_charge(scene: Scene, _: str) -> tuple[bool, tuple[str, ...]]:
    """Whether they are listed, and what the screen offers."""
    listed = {entry["key"] for entry in scene.central.ask("GetConfiguration")["configurationKey"]}
    scene.change(RFIDEnabled="false", QrCodeEnabled="false", AppEnabled="false")
    return "CpoName" in listed, scene.options_shown()


# Power and profiles.


def taken_by_one(connector: int) -> Callable[[Scene, str], int]:
    def charge_a_hungry_car(scene: Scene, _: str) -> int:
        """kW."""
        scene.session(connector, HUNGRY)
        scene.run(120)
        return round(scene.station.reading(connector).power_w / 1000)

    return charge_a_hungry_car


def taken_by_two(scene: Scene, _: str) -> int:
    """kW of two hungry cars."""
    for connector in (1, 2):
        scene.session(connector, HUNGRY, f"TAG{connector}")
    scene.run(120)
    return round((scene.station.reading(1).power_w + scene.station.reading(2).power_w) / 1000)


def stack_levels(scene: Scene, _: str) -> list[str]:
    return [install(scene.central, default(level=level)) for level in (0, 5, 6, 21)]


def periods(scene: Scene, _: str) -> list[str]:
    """Schedules of 2, 3 and 51 periods."""
    return [install(scene.central, default(1, *((n * 60, 30_000) for n in range(count)))) for count in (2, 3, 51)]


def profiles(scene: Scene, _: str) -> list[str]:
    """Three profiles, one after the other."""
    return [install(scene.central, default(number, level=number)) for number in (1, 2, 3)]


# Certificates.


def install_two_roots(scene: Scene, _: str) -> list[str]:
    """Two that have nothing to do with each other."""
    return [
        scene.status_of(
            "InstallCertificate", {"certificateType": "CentralSystemRootCertificate", "certificate": authority.pem}
        )
        for authority in (Manufacturer("One"), Manufacturer("Two"))
    ]


def requests_in_ten_minutes(scene: Scene, _: str) -> list[str]:
    """The organization in each request for a certificate, after the supervision asked for one and never signs it."""
    if not scene.read("CpoName"):
        scene.change(CpoName="Somebody")
    return [organization_in(csr) for csr in signing_requests(scene)]


def requests_after_a_minute(scene: Scene, value: str) -> list[str]:
    scene.change(CertSigningWaitMinimum="60")
    return requests_in_ten_minutes(scene, value)


def one_request(scene: Scene, _: str) -> list[str]:
    return [organization_in(csr) for csr in signing_requests(scene)]


def signing_requests(scene: Scene) -> list[str]:
    scene.status_of("ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"})
    scene.run(600)
    return [call.payload["csr"] for call in scene.calls("SignCertificate")]


def organization_in(csr: str) -> str:
    (organization,) = x509.load_pem_x509_csr(csr.encode()).subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return str(organization.value)


def certificate_of_the_station(scene: Scene, _: str) -> str:
    """What is answered to a certificate that is as it should be."""
    scene.change(CpoName="Operator")
    authority = Manufacturer("Operator's authority")
    root = {"certificateType": "CentralSystemRootCertificate", "certificate": authority.pem}
    assert scene.status_of("InstallCertificate", root) == "Accepted"
    (csr,) = map(str.encode, signing_requests(scene))
    request = x509.load_pem_x509_csr(csr)
    built = x509.CertificateBuilder().subject_name(request.subject).issuer_name(authority.certificate.subject)
    built = built.public_key(request.public_key()).serial_number(7)
    built = built.not_valid_before(START - timedelta(days=1)).not_valid_after(START + timedelta(days=90))
    pem = built.sign(authority.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return scene.status_of("CertificateSigned", {"certificateChain": pem.decode()})


# Keys with one value: each returns the value that would be true.


def guns_that_report(scene: Scene) -> str:
    return str(len({call.payload["connectorId"] for call in scene.calls("StatusNotification")} - {0}))


def rotations_taken(scene: Scene) -> str:
    """How many items the longest list of phase rotations has that is taken."""
    lists = {1: "1.RST", 2: "1.RST,2.RST"}
    answers = {
        count: scene.status_of("ChangeConfiguration", {"key": "ConnectorPhaseRotation", "value": value})
        for count, value in lists.items()
    }
    return str(max(count for count, status in answers.items() if status == "Accepted"))


def rotation_written(scene: Scene) -> str:
    """A note for people: nothing of a DC station depends on it, so that reading it back is all it does."""
    scene.change(ConnectorPhaseRotation="1.RST")
    return "1.RST"


OPERATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "Core": ("ClearCache", {}),
    "FirmwareManagement": ("GetDiagnostics", {"location": "ftp://files.example/"}),
    "LocalAuthListManagement": ("GetLocalListVersion", {}),
    "Reservation": ("CancelReservation", {"reservationId": 1}),
    "SmartCharging": ("ClearChargingProfile", {}),
    "RemoteTrigger": ("TriggerMessage", {"requestedMessage": "Heartbeat"}),
}


def profiles_that_answer(scene: Scene) -> str:
    """The feature profiles of which an operation is understood."""
    kinds = {name: scene.central.call(action, payload).kind for name, (action, payload) in OPERATIONS.items()}
    return ",".join(name for name, kind in kinds.items() if kind == "CALLRESULT")


def number_of_profiles(scene: Scene) -> str:
    return str(len(profiles_that_answer(scene).split(",")))


def cable_lets_go(scene: Scene) -> str:
    """Whether UnlockConnector has anything to unlock at the station's end of the cable."""
    scene.session()
    scene.run(30)
    scene.station.unplug()
    scene.run(5)
    return str(scene.status_of("UnlockConnector", {"connectorId": 1}) != "NotSupported").lower()


def phases_matter(scene: Scene) -> str:
    """Whether one phase instead of three changes what a car gets."""
    taken = []
    scene.session(1, HUNGRY)
    for phases in (3, 1):
        profile = default()
        profile["chargingSchedule"]["chargingSchedulePeriod"][0]["numberPhases"] = phases
        assert install(scene.central, profile) == "Accepted"
        scene.run(60)
        taken.append(round(scene.station.reading().power_w))
    assert taken[0] > 0
    return str(taken[0] != taken[1]).lower()


def type_by_plug(connector: int) -> Callable[[Scene], str]:
    def try_both(scene: Scene) -> str:
        """The kind of car that the gun fits into."""
        for car in (FAMILY_CAR, CHADEMO_CAR):
            try:
                scene.session(connector, car)
            except GunError:
                continue
            scene.run(60)
            assert scene.station.status(connector) == "Charging"
            return "CHAdeMO" if car is CHADEMO_CAR else "CCS2"
        raise AssertionError("no car fits")

    return try_both
