"""Giving stations passwords, certificates and other security profiles (white paper A01, A02, A05).

Theory of operation. Each of these takes several messages, a reconnect or a restart of the supervision, so each is a
task over facts: what is about to be done is durable before it is done, and `resume` begins the unfinished ones again.
Their steps can be repeated: a root that is installed is not installed again, a certificate that is valid is not asked
for again, and a station that has meanwhile come with the new profile is done.

A new password is a *candidate* before it is sent. While it is not known whether the station took it, it is let in with
either, and the one it comes with is the one that stays. While a station is led to another profile it is let in with
both; it is done when it has come with the new one, and has failed when it has come back with the old one.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import TYPE_CHECKING, Any

from forecourt.errors import ForecourtError
from forecourt.ocpp.core import ChangeConfigurationRequest
from forecourt.ocpp.security_extension import (
    CertificateSignedRequest,
    CertificateUse,
    ExtendedMessageTrigger,
    ExtendedTriggerMessageRequest,
    GetInstalledCertificateIdsRequest,
    GetInstalledCertificateIdsResponse,
    InstallCertificateRequest,
)
from forecourt.ocpp.types import given
from forecourt.supervision.events import RegistryEdited
from forecourt.supervision.facts import (
    CandidateKeyProven,
    CandidateKeySet,
    CertificateIssued,
    CertificateSettled,
    ProfileProven,
    SecuritySet,
    UpgradeNoted,
)
from forecourt.supervision.outcomes import Answered, ConnectionLost, ErrorAnswered, NotConnected, TimedOut
from forecourt.supervision.store_security import (
    certificate_row,
    certificate_rows,
    running_upgrades,
    unsettled_certificates,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from sqlalchemy import Row

    from forecourt.ocpp.types import Record
    from forecourt.supervision.doors import Admission
    from forecourt.supervision.facts import Edit
    from forecourt.supervision.outcomes import Outcome
    from forecourt.supervision.server import Supervision

PASSWORD_BYTES = 20
ATTEMPTS = 8
"""So often a message that gets no answer is sent."""
PAUSE_S = 10.0
"""Before it is sent again to a station that stays connected; twice as long each time."""
CERTIFICATE_S = 180.0
"""How long a station may take from the trigger to its new certificate."""
_TAKEN = frozenset({"Accepted", "RebootRequired"})


class ProvisioningRefused(ForecourtError):  # noqa: N818  the word of the domain
    """What was asked for cannot be done with this station, or not now."""


class _UpgradeFailed(ForecourtError):  # noqa: N818
    """A step came to nothing."""


class Provisioning:
    """The provisioning of all stations of a supervision."""

    def __init__(self, supervision: Supervision) -> None:
        self._supervision = supervision
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}
        self._arrivals: dict[str, int] = {}
        """The profiles that stations being upgraded came with after they were told to."""

    async def resume(self) -> None:
        """Go on with what an earlier start left unfinished."""
        for row in await self._supervision.store.read(running_upgrades):
            self._start("upgrade", row.identity, self._upgrade(row.identity, row.target, row.former))
        if self._supervision.security is not None:
            for row in await self._supervision.store.read(unsettled_certificates):
                self._start("certificate", row.request_id, self._certify(row.identity, row.request_id, row.csr))

    async def stop(self) -> None:
        """End every task; what is unfinished goes on at the next start."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, kind: str, name: str, work: Coroutine[Any, Any, None]) -> None:
        if (kind, name) in self._tasks:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[kind, name] = task
        task.add_done_callback(lambda done: self._ended(kind, name, done))

    def _ended(self, kind: str, name: str, task: asyncio.Task[None]) -> None:
        del self._tasks[kind, name]
        if not task.cancelled() and (fault := task.exception()) is not None:
            raise fault

    # Stations come and go.

    def arrived(self, identity: str, admission: Admission) -> None:
        """A station was let in: learn from what it showed."""
        expected = self._supervision.doors.expected(identity)
        if admission.by_candidate:
            self._decide(CandidateKeyProven(identity))
        elif expected.candidate is not None and admission.proven and admission.profile in (1, 2):
            self._decide(CandidateKeySet(identity, None))
        if admission.proven and admission.profile >= 2 and admission.profile > expected.proven:
            self._decide(ProfileProven(identity, admission.profile))
        if expected.target is not None:
            self._arrivals[identity] = admission.profile
            if admission.profile == expected.target:
                self._decide(SecuritySet(identity, expected.target, expected.serial_number or None))
        self._tell(identity)

    def booted(self, identity: str) -> None:
        """A station reported its boot: one with a manufacturer's certificate gets the operator's now (A00.FR.406)."""
        if self._supervision.is_provisional(identity):
            self._start("first certificate", identity, self._replace_first_certificate(identity))

    async def _replace_first_certificate(self, identity: str) -> None:
        await asyncio.sleep(0)  # the answer to the boot goes first
        try:
            await self._give_certificate(identity, again=True)
        except _UpgradeFailed as failure:
            await self._note(identity, 3, 3, "failed", "certificate", str(failure))
        else:
            await self._note(identity, 3, 3, "done", "certificate")
            if self._supervision.is_provisional(identity):
                self._supervision.disconnect(identity, "come with the new certificate")

    def _decide(self, edit: Edit) -> None:
        self._supervision.handle(RegistryEdited(edit))

    def _tell(self, identity: str) -> None:
        """Wake whoever waits for something to happen to a station."""
        for waiting in self._waiting.pop(identity, ()):
            if not waiting.done():
                waiting.set_result(None)

    async def _something_happens(self, identity: str, within_s: float | None = None) -> None:
        """Wait until a station comes or its certificate is settled, for so long at most."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(identity, set()).add(waiting)
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(waiting, within_s)
        finally:
            self._waiting.get(identity, set()).discard(waiting)

    async def _ask(self, identity: str, request: Record) -> Outcome:
        """Send a request, again while it is not known to have arrived: the last outcome."""
        supervision = self._supervision
        pause_s = PAUSE_S
        for attempt in range(1, ATTEMPTS + 1):
            while supervision.profile_of(identity) is None:
                await self._something_happens(identity)
            outcome = await supervision.command(identity, request, supervision.new_command_id())
            if not isinstance(outcome, NotConnected | ConnectionLost | TimedOut) or attempt == ATTEMPTS:
                break
            if supervision.profile_of(identity) is not None:
                await self._something_happens(identity, pause_s)
                pause_s *= 2
        return outcome

    # Certificates.

    def sign(self, identity: str, request_id: str, csr: str) -> None:
        """Have the authority sign a request that was answered Accepted, and bring the station its certificate."""
        self._start("certificate", request_id, self._certify(identity, request_id, csr))

    async def _certify(self, identity: str, request_id: str, csr: str) -> None:
        supervision = self._supervision
        row = await supervision.store.read(lambda connection: certificate_row(connection, request_id))
        if row is not None and row.state == "revoked":
            return  # the same request once more: it needs another key
        if row is not None and row.chain is not None:
            chain = str(row.chain)
        else:
            assert supervision.security is not None, "without an authority nothing is Accepted"
            try:
                issued = await asyncio.to_thread(supervision.security.authority.issue, csr)
            except ForecourtError as refusal:
                await self._settle(identity, request_id, "failed", str(refusal))
                return
            chain = issued.chain
            await supervision.edit(CertificateIssued(identity, request_id, issued.serial, chain, issued.not_after_s))
        outcome = await self._ask(identity, CertificateSignedRequest(certificateChain=chain))
        if _status(outcome) == "Accepted":
            await self._settle(identity, request_id, "installed", None)
        elif isinstance(outcome, Answered):
            await self._settle(identity, request_id, "refused", "The station answered CertificateSigned Rejected.")
        else:
            await self._settle(identity, request_id, "failed", _why(outcome))

    async def _settle(self, identity: str, request_id: str, state: str, sentence: str | None) -> None:
        supervision = self._supervision
        await supervision.edit(CertificateSettled(identity, supervision.now(), request_id, state, sentence))
        self._tell(identity)

    async def revoke(self, identity: str, serial: str) -> bool:
        """Let nobody in with a certificate any more; False for one that this station was not given."""
        rows = await self._supervision.store.read(lambda connection: certificate_rows(connection, identity))
        for row in rows:
            if row.serial == serial:
                now = self._supervision.now()
                sentence = "The operator revoked it."
                await self._supervision.edit(
                    CertificateSettled(identity, now, row.request_id, "revoked", sentence, serial)
                )
                return True
        return False

    # Passwords.

    async def change_password(self, identity: str, command_id: str) -> Outcome:
        """Give a station a new random password; what it answered. Raises `ProvisioningRefused`."""
        profile = self._supervision.profile_of(identity)
        if profile is None:
            raise ProvisioningRefused(f"{identity} is not connected.")
        if profile == 0:
            raise ProvisioningRefused(
                f"{identity} is connected with security profile 0, which has no password: change its profile to 1 or 2."
            )
        return await self._set_password(identity, command_id)

    async def _set_password(self, identity: str, command_id: str) -> Outcome:
        """A random one that no other station has, at first as a candidate; the core takes it once it is Accepted."""
        supervision = self._supervision
        key = secrets.token_hex(PASSWORD_BYTES).upper()
        await supervision.edit(CandidateKeySet(identity, key))
        request = ChangeConfigurationRequest(key="AuthorizationKey", value=key)
        outcome = await supervision.command(identity, request, command_id)
        undecided = isinstance(outcome, ConnectionLost | TimedOut)
        if not undecided and _status(outcome) not in _TAKEN:
            await supervision.edit(CandidateKeySet(identity, None))
        return outcome

    # Security profiles.

    async def change_profile(self, identity: str, target: int) -> None:
        """Begin to lead a station to a higher security profile. Raises `ProvisioningRefused`."""
        supervision = self._supervision
        former = supervision.profile_of(identity)
        expected = supervision.doors.expected(identity)
        if expected.target is not None:
            raise ProvisioningRefused(f"{identity} is being led to security profile {expected.target} already.")
        if former is None:
            raise ProvisioningRefused(f"{identity} is not connected.")
        if target <= former:
            raise ProvisioningRefused(
                f"{identity} is connected with security profile {former}, and no station goes down or stays over OCPP; "
                f"{target} came."
            )
        if target >= 2 and supervision.security is None:
            raise ProvisioningRefused("This supervision speaks no TLS: start it with --tls.")
        supervision.handle(RegistryEdited(SecuritySet(identity, former, expected.serial_number or None)))
        await self._note(identity, target, former, "running", "begin")
        self._start("upgrade", identity, self._upgrade(identity, target, former))

    def leads(self, identity: str) -> bool:
        """Whether a station is being led to another profile."""
        return ("upgrade", identity) in self._tasks

    async def give_up(self, identity: str, sentence: str) -> None:
        """End what leads a station to another profile, if anything does."""
        task = self._tasks.get(("upgrade", identity))
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
            for row in await self._supervision.store.read(running_upgrades):
                if row.identity == identity:
                    await self._note(identity, row.target, row.former, "failed", row.step, sentence)

    async def _note(
        self, identity: str, target: int, former: int, state: str, step: str, sentence: str | None = None
    ) -> None:
        supervision = self._supervision
        await supervision.edit(UpgradeNoted(identity, supervision.now(), target, former, state, step, sentence))

    async def _upgrade(self, identity: str, target: int, former: int) -> None:
        step = "begin"
        steps = {
            "password": (target < 3, self._give_password),
            "root": (target > 1, self._give_root),
            "certificate": (target > 2, self._give_certificate),
        }
        try:
            for step, (wanted, give) in steps.items():
                if wanted and not self._is_there(identity, target):
                    await self._note(identity, target, former, "running", step)
                    await give(identity)
            step = "profile"
            if not self._is_there(identity, target):
                await self._note(identity, target, former, "running", step)
                await self._switch(identity, target, former)
        except _UpgradeFailed as failure:
            await self._note(identity, target, former, "failed", step, str(failure))
        else:
            await self._note(identity, target, former, "done", "reconnect")
        self._arrivals.pop(identity, None)

    def _is_there(self, identity: str, target: int) -> bool:
        """Whether the station has come with the new profile."""
        return self._supervision.doors.expected(identity).profile == target

    async def _give_password(self, identity: str) -> None:
        """The white paper wants one before profile 1 or 2 (A05.FR.02)."""
        for _ in range(ATTEMPTS):
            if self._supervision.doors.expected(identity).key is not None:
                return
            while self._supervision.profile_of(identity) is None:
                await self._something_happens(identity)
            outcome = await self._set_password(identity, self._supervision.new_command_id())
            if not isinstance(outcome, NotConnected | ConnectionLost | TimedOut):
                break
        if _status(outcome) not in _TAKEN:
            raise _UpgradeFailed(f"{identity} took no password: {_why(outcome)}")

    async def _give_root(self, identity: str) -> None:
        """The root of the server's certificates before profile 2 or 3 (A05.FR.03)."""
        from forecourt.supervision.server_authority import root_hashes

        security = self._supervision.security
        if security is None:
            raise _UpgradeFailed("This supervision speaks no TLS any more.")
        use = CertificateUse.CentralSystemRootCertificate
        outcome = await self._ask(identity, GetInstalledCertificateIdsRequest(certificateType=use))
        there = set()
        if isinstance(outcome, Answered) and isinstance(outcome.response, GetInstalledCertificateIdsResponse):
            for data in given(outcome.response.certificateHashData) or ():
                there.add((data.issuerNameHash.lower(), data.issuerKeyHash.lower(), data.serialNumber.lower()))
        if not security.roots and not there:
            raise _UpgradeFailed(
                f"{identity} has no CentralSystemRootCertificate, and the root of the server's certificate, which came "
                "from outside, is not known here: install it first."
            )
        for root in security.roots:
            if root_hashes(root) in there:
                continue
            outcome = await self._ask(identity, InstallCertificateRequest(certificateType=use, certificate=root))
            if _status(outcome) != "Accepted":
                raise _UpgradeFailed(f"{identity} did not install the root: {_why(outcome)}")

    async def _give_certificate(self, identity: str, *, again: bool = False) -> None:
        """A certificate of its own before profile 3 (A05.FR.04); `again` also where it should have one."""
        supervision = self._supervision
        if supervision.security is None:
            raise _UpgradeFailed("This supervision speaks no TLS any more.")
        organization = supervision.security.organization
        rows = await self._certificates(identity)
        still_valid_s = supervision.now() + CERTIFICATE_S
        if not again and any(row.state == "installed" and row.not_after_s > still_valid_s for row in rows):
            return
        # Where the operator's name is the installer's matter, this is refused, and the trigger tells whether it is set.
        await self._ask(identity, ChangeConfigurationRequest(key="CpoName", value=organization))
        known = {(row.request_id, row.requested_s) for row in rows}
        trigger = ExtendedTriggerMessageRequest(requestedMessage=ExtendedMessageTrigger.SignChargePointCertificate)
        outcome = await self._ask(identity, trigger)
        if _status(outcome) != "Accepted":
            raise _UpgradeFailed(
                f"{identity} makes no signing request ({_why(outcome)}); its CpoName must be {organization!r}."
            )
        deadline = asyncio.get_running_loop().time() + CERTIFICATE_S
        while (left_s := deadline - asyncio.get_running_loop().time()) > 0:
            for row in await self._certificates(identity):
                if (row.request_id, row.requested_s) in known or row.state in ("requested", "issued"):
                    continue
                if row.state == "installed":
                    return
                raise _UpgradeFailed(f"The certificate of {identity} is {row.state}: {row.sentence}")
            await self._something_happens(identity, min(left_s, 1.0))
        raise _UpgradeFailed(f"{identity} has no certificate {CERTIFICATE_S:g} s after it was asked to request one.")

    async def _certificates(self, identity: str) -> list[Row[Any]]:
        return await self._supervision.store.read(lambda connection: certificate_rows(connection, identity))

    async def _switch(self, identity: str, target: int, former: int) -> None:
        """Tell the station, and wait until it has come with either profile, however long that takes (A05.FR.05-08)."""
        request = ChangeConfigurationRequest(key="SecurityProfile", value=str(target))
        for _ in range(ATTEMPTS):
            while self._supervision.profile_of(identity) is None:
                await self._something_happens(identity)
            self._arrivals.pop(identity, None)
            command_id = self._supervision.new_command_id()
            outcome = await self._supervision.command(identity, request, command_id)
            taken = _status(outcome) in _TAKEN
            if not taken and not isinstance(outcome, NotConnected | ConnectionLost | TimedOut):
                raise _UpgradeFailed(f"{identity} does not change its profile: {_why(outcome)}")
            while identity not in self._arrivals and (taken or self._supervision.profile_of(identity) is None):
                await self._something_happens(identity)
            if not taken and identity not in self._arrivals:
                await self._something_happens(identity, PAUSE_S)
            if self._is_there(identity, target):
                return
            if taken:
                raise _UpgradeFailed(
                    f"{identity} came back with profile {former}: it could not connect with profile {target}."
                )
        raise _UpgradeFailed(f"{identity} gave no answer to the change of its profile: {_why(outcome)}")


def _status(outcome: Outcome) -> str | None:
    """The status that a station answered; None where it answered none."""
    status = getattr(outcome.response, "status", None) if isinstance(outcome, Answered) else None
    return None if status is None else str(status)


def _why(outcome: Outcome) -> str:
    """What came instead of what was wanted."""
    if isinstance(outcome, Answered):
        return f"it answered {_status(outcome)}"
    if isinstance(outcome, ErrorAnswered):
        return f"it answered with CALLERROR {outcome.code}: {outcome.description or 'no description'}"
    return outcome.sentence
