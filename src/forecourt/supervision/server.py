"""The supervision as it runs: the core on a wall clock, stations over WebSockets, the store, the HTTP API.

Theory of operation. Everything but the store's thread runs on one event loop. What happens (a frame, a command, a
timer) enters the core, and the effects that come out are carried out in order. The facts among them go to the store's
filling group; frames and outcomes behind a fact that gates wait until that group is durable, and so does whatever else
comes for the same station meanwhile, so that a station's frames never overtake each other. Stations do not wait for
each other, but for the same group commit.
"""

from __future__ import annotations

import asyncio
import functools
import math
import time
import uuid
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING

import msgspec
import structlog

from forecourt.errors import ForecourtError
from forecourt.evlink.price_messages import TARIFF_FILE_NAME
from forecourt.runtime.http_guard import Guard, guarded
from forecourt.runtime.http_server import ApiServer
from forecourt.runtime.link import Links, Refuse, Welcome
from forecourt.runtime.ports import HOST, OCPP_PORT, SUPERVISION_PORT
from forecourt.supervision.api import create_app
from forecourt.supervision.core import ANSWER_TIMEOUT_S, CentralSystem
from forecourt.supervision.doors import Refusal
from forecourt.supervision.effects import CloseLink, EndCommand, PassOnRequest, SendFrame, Store
from forecourt.supervision.events import (
    CommandGiven,
    FileArrived,
    FrameReceived,
    LinkClosed,
    LinkOpened,
    RegistryEdited,
    StoreFailed,
    StoreRecovered,
    UploadRemoved,
)
from forecourt.supervision.facts import UNGATED, BootReported, Policy, PolicySet, SecurityNoted
from forecourt.supervision.files_servers import FileServers
from forecourt.supervision.files_store import FileStore
from forecourt.supervision.recall import recall
from forecourt.supervision.server_doors import DoorBook, recall_doors
from forecourt.supervision.server_provisioning import Provisioning
from forecourt.supervision.server_security import Security
from forecourt.supervision.store import Store as FactStore
from forecourt.supervision.watchers import Watchers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from forecourt.ocpp.types import Record
    from forecourt.runtime.link import Handshake, Link
    from forecourt.supervision.doors import Admission
    from forecourt.supervision.effects import Effect
    from forecourt.supervision.events import Event
    from forecourt.supervision.facts import Edit, Fact, TariffPictureSet
    from forecourt.supervision.files_store import FileLimits, Ticket
    from forecourt.supervision.outcomes import Outcome
    from forecourt.supervision.server_certificates import Manufacturer
    from forecourt.supervision.server_security import TlsOptions
    from forecourt.supervision.stations import StationView
    from forecourt.supervision.tariff_book import TariffBook

NORMAL_CLOSURE = 1000
_NOTED = frozenset({PolicySet})

log = structlog.get_logger()


class NoTls(ForecourtError):  # noqa: N818
    """Something was asked for that goes over TLS only."""


def load_manufacturer(file: Path) -> Manufacturer:
    """The roots in a file. Raises `AuthorityRefused` with a sentence."""
    from forecourt.supervision.server_certificates import Manufacturer

    return Manufacturer(file, time.time())


class _Session:
    """One connection of a station: the owner of its link."""

    __slots__ = ("_supervision", "admission", "identity", "in_process", "link", "number")

    def __init__(self, supervision: Supervision, number: int, identity: str, admission: Admission) -> None:
        self._supervision = supervision
        self.number = number
        self.identity = identity
        self.admission = admission
        self.link: Link | None = None
        self.in_process: set[str] = set()
        """Ids of CALLs whose answers are held back."""

    def link_opened(self, link: Link) -> None:
        self.link = link
        self._supervision.sessions[self.number] = self
        self._supervision.provisioning.arrived(self.identity, self.admission)
        self._supervision.handle(LinkOpened(self.number, self.identity, link.remote, self.admission.provisional))

    def frame_received(self, link: Link, frame: bytes) -> None:
        self._supervision.handle(FrameReceived(self.number, frame, self.in_process))

    def pong_received(self, link: Link) -> None:
        """Nothing: the supervision sends no pings."""

    def link_closed(self, link: Link, code: int, reason: str) -> None:
        self._supervision.sessions.pop(self.number, None)
        self._supervision.handle(LinkClosed(self.number, code, reason))


class Supervision:
    """A whole supervision in one event loop: start it, use its ports or its methods, stop it."""

    def __init__(
        self,
        *,
        ocpp_port: int = OCPP_PORT,
        http_port: int = SUPERVISION_PORT,
        host: str = HOST,
        data: Path | None = None,
        policy: Policy | None = None,
        accept_unknown_tags: bool | None = None,
        clock: Callable[[], float] = time.time,
        speed: float = 1.0,
        wire_log: bool = True,
        files_port: int | None = None,
        ftp_port: int | None = None,
        files_tls_port: int | None = None,
        file_limits: FileLimits | None = None,
        tls: TlsOptions | None = None,
        manufacturer: Path | None = None,
        doors: Sequence[tuple[int, int]] = (),
    ) -> None:
        """Port 0 finds a free one. `data` is the folder to keep everything in; None forgets it at the end.

        `policy` replaces the stored one; `accept_unknown_tags` changes that one rule of it. `clock` gives epoch
        seconds, of which `speed` pass in a real one: answer time-outs stay in real seconds. `wire_log` keeps every
        frame; leave it off for fleets. `files_port`, `ftp_port` and, with `tls`, `files_tls_port` open file servers
        over HTTP, FTP and HTTPS. `tls` lets stations in over TLS too, and makes the supervision a certificate
        authority. `manufacturer` is a file with the roots of firmware and of stations' first certificates. `doors` are
        further ports, each with the only security profile that it takes.
        """
        self._manufacturer_file = manufacturer
        self.manufacturer: Manufacturer | None = None
        """Whose firmware and first certificates are trusted, once started; None for nobody."""
        self._asked_doors = tuple(doors)
        self.door_ports: tuple[tuple[int, int], ...] = ()
        """Further ports and the only profile that each takes; those found, once started."""
        self._asked_ports = (ocpp_port, http_port)
        self.host = host
        self._wanted_policy = policy
        self._accept_unknown_tags = accept_unknown_tags
        self._clock = clock
        self._speed = speed
        self._wire_log = wire_log
        self._now = -math.inf
        self._armed_s = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._next_session = 0
        self._awaited: dict[str, asyncio.Future[Outcome]] = {}
        # How many groups that a station's later frames must wait for are not durable yet.
        self._gates: dict[str, int] = {}
        self._open = AsyncExitStack()
        self.sessions: dict[int, _Session] = {}
        self.watchers = Watchers()
        self.store = FactStore(data, on_trouble=self._store_trouble)
        self.files = FileServers(FileStore(data, self.now, file_limits), host, files_port, ftp_port, files_tls_port)
        """What stations fetch and upload, and the servers for it."""
        self.security = None if tls is None else Security(tls, data, self.security_event)
        """TLS and the certificate authority; None without."""
        self.provisioning = Provisioning(self)
        """What gives stations passwords, certificates and other security profiles."""
        self.ocpp_port = ocpp_port
        """The port for stations; the one found when 0 was asked for, once started."""
        self.http_port = http_port
        """The port of the HTTP API; the one found when 0 was asked for, once started."""
        self.policy = policy or Policy()
        """What holds for stations and idTags without a rule of their own."""

    # Start and stop.

    async def start(self) -> None:
        """Open the store and both ports. Raises `ForecourtError` with a sentence, and then nothing is left open."""
        async with AsyncExitStack() as opened:
            await self.store.open()
            opened.push_async_callback(self.store.close)
            if self._manufacturer_file is not None:
                self.manufacturer = load_manufacturer(self._manufacturer_file)
            if self.security is not None:
                opened.callback(self.security.close)
                await self.security.open(self.manufacturer)
            await self._begin()
            opened.callback(self._disarm)
            opened.push_async_callback(self.provisioning.stop)
            self._links = Links()
            opened.push_async_callback(self._links.close, 1001, "the supervision ends")
            if self.security is None:
                await self.files.start(self._file_arrived)
            else:
                await self.files.start(self._file_arrived, self.security.context, self.security.hosts[0])
            opened.push_async_callback(self.files.stop)
            await self._listen(opened)
            api = ApiServer(guarded(create_app(self), Guard(self.host, None)), self.host, self._asked_ports[1])
            await api.start()
            opened.push_async_callback(api.stop)
            opened.callback(self.watchers.close)
            self.http_port = api.port
            self._open = opened.pop_all()

    async def _listen(self, opened: AsyncExitStack) -> None:
        """Let stations in. A door of profile 1 takes no TLS, those of 2 and 3 nothing else."""
        security = self.security
        if security is None:
            listener = await self._links.serve(self.host, self._asked_ports[0], self._decide)
            opened.callback(listener.close)
            self.ocpp_port = listener.port
        else:
            opened.push_async_callback(security.stop)
            self.ocpp_port = security.begin(self._links, self._decide, self.host, self._asked_ports[0])
        found = []
        for port, profile in self._asked_doors:
            decide = functools.partial(self._decide, door=profile)
            if security is not None and profile != 1:
                port = security.listen(self._links, decide, self.host, port, tls_only=profile > 1)
            elif profile > 1:
                raise NoTls(f"The door {port} is for security profile {profile}, which needs TLS.")
            else:
                listener = await self._links.serve(self.host, port, decide)
                opened.callback(listener.close)
                port = listener.port
            found.append((port, profile))
        self.door_ports = tuple(found)

    async def stop(self) -> None:
        """End the API, close every link, write what has gathered. Takes a few seconds at most."""
        await self._open.aclose()

    async def failed(self) -> None:
        """Wait for the end that nobody asked for: raises what broke. Cancel it when the supervision is to stop."""
        await asyncio.shield(self.store.crash)

    async def _begin(self) -> None:
        """Take up where the last start left off."""
        recollection = await self.store.read(recall)
        security = self.security
        organization = "" if security is None else security.organization
        is_manufacturers = None if security is None or self.manufacturer is None else self._is_manufacturers
        self.doors = DoorBook(organization, await self.store.read(recall_doors), is_manufacturers)
        self._noted = self.doors.noted | _NOTED
        self._core = CentralSystem(
            recollection,
            uuid.uuid4().hex[:12] + "-",
            answer_timeout_s=ANSWER_TIMEOUT_S * self._speed,
            wire_log=self._wire_log,
            objection_to_request=None if security is None else self.doors.objection_to,
            picture_location=self._picture_location,
        )
        self.policy = recollection.policy
        wanted = self._wanted_policy or recollection.policy
        if self._accept_unknown_tags is not None:
            wanted = msgspec.structs.replace(wanted, accept_unknown_id_tags=self._accept_unknown_tags)
        if wanted != recollection.policy:
            await self.edit(PolicySet(wanted))
        await self.provisioning.resume()

    # What the API and others in this process call.

    def now(self) -> float:
        """The supervision's wall time in epoch seconds; it never goes back, whatever the clock does."""
        self._now = max(self._now, self._clock())
        return self._now

    def live(self, identity: str) -> StationView | None:
        """What is known of a station at this moment; None when it was not heard of since the start."""
        return self._core.view(identity)

    def all_live(self) -> dict[str, StationView]:
        """The same of every station heard of."""
        return {view.identity: view for view in self._core.views()}

    async def command(self, identity: str, request: Record, command_id: str) -> Outcome:
        """Have a station do something, and wait for what comes of it. `command_id` is a new one of `new_command_id`."""
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._awaited[command_id] = outcome
        self.handle(CommandGiven(command_id, identity, request))
        return await outcome

    @staticmethod
    def new_command_id() -> str:
        """An id that no command ever had."""
        return uuid.uuid4().hex

    async def edit(self, edit: Edit) -> None:
        """Change a registry; durable when this returns."""
        self.handle(RegistryEdited(edit))
        await self.store.settled()

    async def remove_upload(self, identity: str, name: str) -> None:
        """Delete an upload; durable when this returns. Raises `FileRefused`."""
        self.files.store.remove_upload(identity, name)
        self.handle(UploadRemoved(identity, name))
        await self.store.settled()

    @property
    def tariffs(self) -> TariffBook:
        """What charging costs, and where."""
        return self._core.prices.book

    def _picture_location(self, identity: str, picture: TariffPictureSet) -> str | None:
        """Over TLS for a station that is connected over it; None where nothing is served."""
        served = self.files.served
        if not served:
            return None
        secured = (self.profile_of(identity) or 0) >= 2 and "https" in served
        return self.files.file_url(picture.file, "https" if secured else served[0], TARIFF_FILE_NAME)

    async def _file_arrived(self, ticket: Ticket, name: str, size_bytes: int) -> None:
        self.handle(FileArrived(ticket.command_id, ticket.identity, name, size_bytes))
        await self.store.settled()

    # Events in, effects out.

    def handle(self, event: Event) -> None:
        """Let the core decide about an event, and carry out what it wants."""
        self._carry_out(self._core.handle(event, self.now()))
        self._arm()

    def _carry_out(self, effects: list[Effect]) -> None:
        facts: list[Fact] = []
        held: list[Effect] = []
        gating = False
        for effect in effects:
            if type(effect) is Store:
                fact = effect.fact
                facts.append(fact)
                gating = gating or type(fact) not in UNGATED
                if type(fact) in self._noted:
                    self._note(fact)
            elif type(effect) is CloseLink:
                self._close_link(effect)
            elif gating or effect.identity in self._gates:  # type: ignore[attr-defined]
                held.append(effect)
                self._hold_back(effect)
            else:
                self._let_out(effect)
        if held:
            identity = held[0].identity  # type: ignore[attr-defined]
            self._gates[identity] = self._gates.get(identity, 0) + 1
            self.store.commit(facts, functools.partial(self._release, identity, held))
        elif facts:
            self.store.commit(facts)
        if facts and self.watchers:
            self.store.commit((), functools.partial(self.watchers.tell, facts))

    def _hold_back(self, effect: Effect) -> None:
        """A second CALL with this id is one too many as long as the answer waits."""
        if type(effect) is SendFrame and effect.answers is not None:
            session = self.sessions.get(effect.link)
            if session is not None:
                session.in_process.add(effect.answers)

    def _release(self, identity: str, held: list[Effect]) -> None:
        """What these effects waited for is durable."""
        waiting = self._gates[identity] - 1
        if waiting:
            self._gates[identity] = waiting
        else:
            del self._gates[identity]
        for effect in held:
            self._let_out(effect)

    def _let_out(self, effect: Effect) -> None:
        if type(effect) is SendFrame:
            session = self.sessions.get(effect.link)
            if session is not None and session.link is not None:
                if effect.answers is not None:
                    session.in_process.discard(effect.answers)
                session.link.send(effect.frame)
        elif type(effect) is PassOnRequest:
            self.provisioning.sign(effect.identity, effect.requestId, effect.csr)
        elif type(effect) is EndCommand:
            outcome = self._awaited.pop(effect.command_id, None)
            if outcome is not None and not outcome.done():
                outcome.set_result(effect.outcome)
        else:
            raise AssertionError(f"nothing carries out {effect!r}")

    def _close_link(self, effect: CloseLink) -> None:
        session = self.sessions.get(effect.link)
        if session is not None and session.link is not None:
            session.link.close(effect.code, effect.reason)

    def _note(self, fact: Fact) -> None:
        """What handshakes are judged by, and the API shows, from this moment on."""
        if type(fact) is PolicySet:
            self.policy = fact.policy
        else:
            self.doors.note(fact)
            if type(fact) is BootReported:
                self.provisioning.booted(fact.identity)

    # Stations at the door.

    def profile_of(self, identity: str) -> int | None:
        """The security profile that a station is connected with; None while it is not."""
        session = self.sessions.get(self._core.link_of(identity))
        return None if session is None else session.admission.profile

    def security_event(self, kind: str, sentence: str, identity: str = "", times: int = 1) -> None:
        """Keep a security event that the supervision saw itself."""
        log.warning("security event", type=kind, identity=identity, why=sentence, times=times)
        fact = SecurityNoted(identity, self.now(), kind, sentence, times)
        self.store.commit([fact], functools.partial(self.watchers.tell, [fact]))

    def is_provisional(self, identity: str) -> bool:
        """Whether a station is connected with a certificate that is to be replaced first."""
        session = self.sessions.get(self._core.link_of(identity))
        return session is not None and session.admission.provisional

    def disconnect(self, identity: str, reason: str) -> None:
        """Close the connection of a station, if it has one, so that it comes anew."""
        self._close_link(CloseLink(self._core.link_of(identity), identity, NORMAL_CLOSURE, reason))

    def _is_manufacturers(self, certificate: bytes) -> bool:
        """The chain of a client certificate was verified: whoever is not the operator's is the manufacturer's."""
        from forecourt.supervision.server_certificates import is_issued_by

        assert self.security is not None, "there are client certificates over TLS only"
        return not is_issued_by(certificate, self.security.authority.root_pem)

    def _decide(self, handshake: Handshake, door: int | None = None) -> Welcome | Refuse:
        identity = handshake.identity
        if not self._core.admits(identity):
            log.info("station refused", identity=identity, remote=handshake.remote, why="not registered")
            return Refuse(404, f"No station {identity} is registered here and enrolment is closed: register it first.")
        verdict = self.doors.judge(handshake, self.now(), door)
        if isinstance(verdict, Refusal):
            if verdict.told:
                self.security_event(
                    verdict.event, f"{handshake.remote}: {verdict.sentence}", identity, times=verdict.told
                )
            return Refuse(verdict.status, verdict.sentence)
        self._next_session += 1
        return Welcome(_Session(self, self._next_session, identity, verdict))

    # Time.

    def _arm(self) -> None:
        """One timer for the core's next deadline."""
        deadline_s = self._core.next_deadline()
        if deadline_s == self._armed_s:
            return
        self._disarm()
        if deadline_s < math.inf:
            self._armed_s = deadline_s
            delay_s = max(0.0, deadline_s - self.now()) / self._speed
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._expire)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._armed_s = math.inf

    def _expire(self) -> None:
        self._disarm()
        self._carry_out_each(self._core.expire(self.now()))
        self._arm()

    def _carry_out_each(self, effects: list[Effect]) -> None:
        """Carry out effects about several stations, those of each as one list: a gate is a station's own."""
        by_station: dict[str, list[Effect]] = {}
        for effect in effects:
            identity = effect.fact.identity if type(effect) is Store else effect.identity  # type: ignore[attr-defined]
            by_station.setdefault(identity, []).append(effect)
        for of_one in by_station.values():
            self._carry_out(of_one)

    def _store_trouble(self, sentence: str | None) -> None:
        if sentence is None:
            log.info("store recovered")
            self.handle(StoreRecovered())
        else:
            log.error("store failed", why=sentence)
            self.handle(StoreFailed(sentence))


async def run_until_cancelled(supervision: Supervision) -> None:
    """Keep a started supervision running; stop it when cancelled or when it breaks."""
    try:
        await supervision.failed()
    finally:
        with suppress(asyncio.CancelledError):
            await supervision.stop()
