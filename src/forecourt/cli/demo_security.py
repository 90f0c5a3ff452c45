"""`forecourt demo --security`: a station is led to a higher security profile, and each step is told as it is seen.

Nothing here is a script: what is told are effects and events of the station's brain and durable facts of the
supervision, in the order in which they came.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from forecourt.cli.demo_site import IDENTITY
from forecourt.errors import ForecourtError
from forecourt.screen.site import SiteStep
from forecourt.station.effects import MakeCertificateRequest, OpenLink
from forecourt.station.events import CertificateRequestMade, LinkClosed, LinkOpened, LinkRefused
from forecourt.supervision import store_security
from forecourt.supervision.facts import (
    CertificateIssued,
    CertificateRequested,
    CertificateSettled,
    CommandEnded,
    CommandRecorded,
    Fact,
    ProfileProven,
    SecurityNoted,
    StationConnected,
    UpgradeNoted,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecourt.cli.demo_site import DemoSite
    from forecourt.station.effects import Effect
    from forecourt.station.events import Event

LIMIT_S = 60.0
"""Real seconds that one change of the profile may take."""
SERIAL_DIGITS = 12
"""So much of a long number is told."""
COMMANDS = frozenset(
    {
        "ChangeConfiguration",
        "InstallCertificate",
        "GetInstalledCertificateIds",
        "ExtendedTriggerMessage",
        "CertificateSigned",
    }
)
"""What the supervision leads a station with."""


class SecurityShowError(ForecourtError):
    """The station was not led to the profile."""


class SecurityShow:
    """Sees what both sides do about security, keeps it as `steps` of the site and passes it on, until closed."""

    def __init__(self, site: DemoSite, tell: Callable[[SiteStep], None]) -> None:
        self._site = site
        self._tell = tell
        self._commands: dict[str, CommandRecorded] = {}
        self._noted: asyncio.Queue[UpgradeNoted] = asyncio.Queue()
        self._leave = site.station.seat.listen(self._hear)
        self._watcher = site.supervision.watchers.add()
        self._watching = asyncio.get_running_loop().create_task(self._watch())

    async def close(self) -> None:
        """See nothing more."""
        self._leave()
        self._site.supervision.watchers.remove(self._watcher)
        self._watcher.end()
        await self._watching

    async def lead(self, target: int) -> None:
        """Have the supervision lead the station there, one profile after the other. Raises `SecurityShowError`."""
        supervision = self._site.supervision
        try:
            async with asyncio.timeout(LIMIT_S):
                former = await self._connected_profile()
        except TimeoutError as error:
            raise SecurityShowError(f"{IDENTITY} did not connect within {LIMIT_S:g} s.") from error
        if former >= target:
            self._see("supervision", f"{IDENTITY} has security profile {former} already, and none goes down over OCPP")
        for profile in range(max(former + 1, 2), target + 1):
            if supervision.doors.expected(IDENTITY).target is None:  # else it goes on with what an end broke off
                await supervision.provisioning.change_profile(IDENTITY, profile)
            try:
                async with asyncio.timeout(LIMIT_S):
                    noted = await self._noted.get()
                    while noted.state == "running":
                        noted = await self._noted.get()
                    if noted.state != "done":
                        raise SecurityShowError(noted.sentence or f"{IDENTITY} was not led to profile {profile}.")
                    await self._connected_profile()
            except TimeoutError as error:
                raise SecurityShowError(
                    f"{IDENTITY} was not led to security profile {profile} within {LIMIT_S:g} s."
                ) from error

    async def result(self) -> dict[str, Any]:
        """What both sides say in the end."""
        supervision = self._site.supervision
        workings = self._site.station.workings()
        snapshot = self._site.station.snapshot()
        assert workings is not None and snapshot is not None, "the station runs"  # noqa: PT018
        certificates = await supervision.store.read(lambda kept: store_security.certificates(kept, IDENTITY))
        installed = [one for one in certificates if one.state == "installed"]
        return {
            "connectedProfile": supervision.profile_of(IDENTITY),
            "stationProfile": workings.securityProfile,
            "url": snapshot.link.url,
            "certificateSerial": installed[0].serialNumber if installed else None,
            "steps": [msgspec.to_builtins(step) for step in self._site.steps],
        }

    async def _connected_profile(self) -> int:
        """The profile that the station is connected with, once it is and its boot was accepted."""
        while True:
            live = self._site.supervision.live(IDENTITY)
            profile = self._site.supervision.profile_of(IDENTITY)
            if profile is not None and live is not None and live.boot_status == "Accepted":
                return profile
            await asyncio.sleep(0.02)

    # The station's side.

    def _hear(self, what: Event | Effect, now: float) -> None:
        del now
        sentence = _seen_by_station(what)
        if sentence is not None:
            self._see("station", sentence)

    # The supervision's side.

    async def _watch(self) -> None:
        while (fact := await self._watcher.next()) is not None:
            if isinstance(fact, CommandRecorded):
                self._commands[fact.command_id] = fact
            sentence = self._seen_by_supervision(fact)
            if sentence is not None:
                self._see("supervision", sentence)
            if isinstance(fact, UpgradeNoted):
                self._noted.put_nowait(fact)

    def _seen_by_supervision(self, fact: Fact) -> str | None:
        match fact:
            case StationConnected(identity=identity):
                return f"lets {identity} in with security profile {self._site.supervision.profile_of(identity)}"
            case UpgradeNoted(step="begin", target=target, former=former, identity=identity):
                return f"begins to lead {identity} from security profile {former} to {target}"
            case UpgradeNoted(state="done", target=target, identity=identity):
                return f"is done: {identity} came with security profile {target}"
            case UpgradeNoted(state="failed", sentence=sentence):
                return f"gives up: {sentence}"
            case CommandEnded(command_id=command_id):
                return _answered(self._commands.pop(command_id, None), fact)
            case ProfileProven(identity=identity, securityProfile=profile):
                return f"lets {identity} in with nothing below profile {profile} from now on"
            case _:
                return _certificate_fact(fact)

    def _see(self, side: str, sentence: str) -> None:
        step = SiteStep(datetime.fromtimestamp(self._site.clock.wall(), UTC), side, sentence)
        self._site.steps.append(step)
        self._tell(step)


def _seen_by_station(what: Event | Effect) -> str | None:
    match what:
        case OpenLink(url=url, password=password, chain=chain, roots=roots):
            shown = "its client certificate" if chain else "nothing" if password is None else "its password"
            trusted = f", trusting {len(roots)} installed root{'s' * (len(roots) > 1)} alone" if roots else ""
            return f"connects to {url}, showing {shown}{trusted}"
        case LinkOpened(root=""):
            return "is connected"
        case LinkOpened(root=root):
            return f"is connected; the server's certificate hangs on the root {root[:SERIAL_DIGITS].upper()}..."
        case LinkClosed(code=code, reason=reason):
            return f"left the connection ({code}{f', {reason}' if reason else ''})"
        case LinkRefused(reason=reason):
            return f"was not connected: {reason}"
        case MakeCertificateRequest(common_name=name, organization=organization):
            return f"makes a key of its own for CN={name}, O={organization}"
        case CertificateRequestMade():
            return "has its key and the signing request; the key stays with it"
        case _:
            return None


def _answered(given: CommandRecorded | None, ended: CommandEnded) -> str | None:
    """A command of the change with what the station answered."""
    if given is None or given.action not in COMMANDS:
        return None
    asked, answer = msgspec.json.decode(given.payload), msgspec.json.decode(ended.detail)
    words = [given.action]
    if "key" in asked:
        words.append(f"{asked['key']}={asked['value']}")
    words += [str(asked[name]) for name in ("certificateType", "requestedMessage") if name in asked]
    said = answer.get("status", ended.outcome) if ended.outcome == "Answered" else answer.get("sentence", ended.outcome)
    return f"sent {' '.join(words)}: {said}"


def _certificate_fact(fact: Fact) -> str | None:
    match fact:
        case CertificateRequested(identity=identity, refusal=None):
            return f"takes the signing request of {identity}"
        case CertificateRequested(identity=identity, refusal=refusal):
            return f"refuses the signing request of {identity}: {refusal}"
        case CertificateIssued(identity=identity, serialNumber=serial, not_after_s=until_s):
            until = datetime.fromtimestamp(until_s, UTC)
            return f"signed certificate {serial[:SERIAL_DIGITS]}... of {identity}, valid until {until:%Y-%m-%d}"
        case CertificateSettled(state=state, sentence=sentence):
            return f"knows the certificate is {state}{f': {sentence}' if sentence else ''}"
        case SecurityNoted(type=kind, techInfo=why):
            return f"noted {kind}: {why}"
        case _:
            return None
