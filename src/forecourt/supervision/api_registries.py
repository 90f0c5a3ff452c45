"""The registries: what the operator decides about idTags, stations and everything else."""

import re
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import unquote

import msgspec
from litestar import Request, Response, delete, get, put
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import UNSET, Meta, UnsetType

from forecourt.ocpp.core import AuthorizationStatus, RegistrationStatus
from forecourt.ocpp.types import CiString20, CiString50, DateTime, Record, given, keep_utc
from forecourt.supervision import readings
from forecourt.supervision.api_errors import ApiError, read_body, require_length
from forecourt.supervision.api_requests import read, supervision_of, unknown_station
from forecourt.supervision.facts import (
    AuthorizationKeySet,
    IdTagDeleted,
    IdTagSet,
    Policy,
    PolicySet,
    SecuritySet,
    StationDeleted,
    StationSet,
)
from forecourt.supervision.store_security import warning_of
from forecourt.supervision.views import IdTagView, StationView

if TYPE_CHECKING:
    from forecourt.supervision.server import Supervision

LIST_LIMIT = 100
LONGEST_LIST = 1000
IDENTITY_LENGTH = 255
ID_TAG_LENGTH = 20

Limit = Annotated[int, QueryParameter(ge=1, le=LONGEST_LIST)]
Interval = Annotated[int, Meta(ge=1, le=7 * 24 * 3600)]


class IdTagRule(Record, frozen=True, gc=False):
    """What the operator decides about an idTag; everything may be left out."""

    status: AuthorizationStatus = AuthorizationStatus.Accepted
    """Accepted, Blocked, Expired or Invalid."""
    expiryDate: DateTime | UnsetType = UNSET
    """From then on the answer is Expired."""
    parentIdTag: CiString20 | UnsetType = UNSET

    def __post_init__(self) -> None:
        keep_utc(self, "expiryDate")


class StationRule(Record, frozen=True, gc=False):
    """What the operator decides about a station; everything may be left out."""

    bootStatus: RegistrationStatus | UnsetType = UNSET
    """What its next BootNotification is answered; without it, the policy's answer."""
    interval: Interval | UnsetType = UNSET
    """`interval` of that answer in s; without it, the policy's."""
    authorizationKey: str | UnsetType = UNSET
    """Its Basic password: 32 to 40 hex digits, or a literal of 16 to 40 characters; empty removes it."""
    securityProfile: Annotated[int, Meta(ge=0, le=3)] | UnsetType | None = UNSET
    """The only security profile it is let in with; null for any that it has not left behind. Without it, as it is."""
    serialNumber: CiString50 | UnsetType | None = UNSET
    """What its certificates must name; null for what its BootNotification says. Without it, as it is."""


class PolicyRule(Record, frozen=True, gc=False):
    """What holds for every station and idTag without a rule of its own; what is left out stays as it is."""

    openEnrolment: bool | UnsetType = UNSET
    """Whether a station nobody registered may connect; else it is answered HTTP 404."""
    acceptUnknownIdTags: bool | UnsetType = UNSET
    """Whether an idTag nobody registered is Accepted; else it is Invalid."""
    concurrentTransactions: bool | UnsetType = UNSET
    """Whether one idTag may have several transactions at once."""
    bootStatus: RegistrationStatus | UnsetType = UNSET
    """What the BootNotification of a station without a rule of its own is answered."""
    heartbeatInterval: Interval | UnsetType = UNSET
    """`interval` of an Accepted BootNotification, in s."""
    bootRetryInterval: Interval | UnsetType = UNSET
    """`interval` of a Pending or Rejected BootNotification, in s."""
    costInterval: Annotated[int, Meta(ge=1, le=3600)] | UnsetType = UNSET
    """How often a station is told at most what its sessions cost so far, in s."""


_POLICY_FIELDS = {
    "openEnrolment": "open_enrolment",
    "acceptUnknownIdTags": "accept_unknown_id_tags",
    "concurrentTransactions": "concurrent_transactions",
    "bootStatus": "boot_status",
    "heartbeatInterval": "heartbeat_interval_s",
    "bootRetryInterval": "boot_retry_interval_s",
    "costInterval": "cost_interval_s",
}

_LITERAL_KEY = re.compile(r"[\x20-\x7e]{16,40}")


@get("/api/id-tags")
async def list_id_tags(
    request: Request[Any, Any, Any], after: FromQuery[str] = "", limit: Limit = LIST_LIMIT
) -> list[IdTagView]:
    """The registered idTags in their order, those behind `after`."""
    return await read(request, lambda connection: readings.id_tags(connection, after=after, limit=limit))


@get("/api/id-tags/{id_tag:str}")
async def get_id_tag(request: Request[Any, Any, Any], id_tag: FromPath[str]) -> IdTagView:
    """One idTag, without regard to case."""
    return await _id_tag(request, unquote(id_tag))


@put("/api/id-tags/{id_tag:str}")
async def put_id_tag(request: Request[Any, Any, Any], id_tag: FromPath[str]) -> IdTagView:
    """Register an idTag or change it."""
    id_tag = unquote(id_tag)
    require_length("idTag", id_tag, ID_TAG_LENGTH)
    rule = await read_body(request, IdTagRule)
    if rule.status is AuthorizationStatus.ConcurrentTx:
        raise ApiError(
            400,
            "status: expected Accepted, Blocked, Expired or Invalid, came ConcurrentTx: that depends on transactions.",
            path="status",
            expected="Accepted, Blocked, Expired or Invalid",
            came="ConcurrentTx",
        )
    fact = IdTagSet(id_tag, str(rule.status), given(rule.expiryDate), given(rule.parentIdTag))
    await supervision_of(request).edit(fact)
    return await _id_tag(request, id_tag)


@delete("/api/id-tags/{id_tag:str}")
async def delete_id_tag(request: Request[Any, Any, Any], id_tag: FromPath[str]) -> None:
    """Forget an idTag."""
    found = await _id_tag(request, unquote(id_tag))
    await supervision_of(request).edit(IdTagDeleted(found.idTag))


async def _id_tag(request: Request[Any, Any, Any], id_tag: str) -> IdTagView:
    found = await read(request, lambda connection: readings.id_tag(connection, id_tag))
    if found is None:
        raise ApiError(404, f"The idTag {id_tag} is not registered.")
    return found


@put("/api/stations/{identity:str}")
async def put_station(request: Request[Any, Any, Any], identity: FromPath[str]) -> Response[StationView]:
    """Register a station or change what was decided about it. Without an authorizationKey the one it has stays.

    Security profile 1 is answered with a `Warning` that it is for trusted networks only.
    """
    identity = unquote(identity)
    require_length("identity", identity, IDENTITY_LENGTH)
    rule = await read_body(request, StationRule)
    supervision = supervision_of(request)
    if rule.authorizationKey is not UNSET:
        _require_key(rule.authorizationKey)
    _require_own_serial_number(supervision, identity, given(rule.serialNumber))
    status = None if rule.bootStatus is UNSET else str(rule.bootStatus)
    await supervision.edit(StationSet(identity, status, given(rule.interval)))
    if rule.authorizationKey is not UNSET:
        await supervision.edit(AuthorizationKeySet(identity, rule.authorizationKey or None))
    await _set_security(supervision, identity, rule)
    live = supervision.live(identity)
    found = await read(request, lambda connection: readings.station(connection, identity, live))
    if found is None:  # somebody else has deleted it meanwhile
        raise unknown_station(identity)
    warning = warning_of(given(rule.securityProfile))
    return Response(found, headers={} if warning is None else {"Warning": f'299 - "{warning}"'})


def _require_own_serial_number(supervision: "Supervision", identity: str, serial_number: str | None) -> None:
    """Certificates name stations by it. What another has only told of itself is no reason."""
    other = supervision.doors.registered_with(serial_number, identity) if serial_number else None
    if other is not None:
        raise ApiError(
            409, f"{serial_number} is registered as the serial number of {other}: give that one another first, or null."
        )


async def _set_security(supervision: "Supervision", identity: str, rule: StationRule) -> None:
    if rule.securityProfile is UNSET and rule.serialNumber is UNSET:
        return
    expected = supervision.doors.expected(identity)
    profile = expected.profile if rule.securityProfile is UNSET else rule.securityProfile
    serial_number = (expected.serial_number or None) if rule.serialNumber is UNSET else rule.serialNumber
    if rule.securityProfile is not UNSET and profile != expected.target:
        await supervision.provisioning.give_up(identity, "The operator decided on another security profile.")
    await supervision.edit(SecuritySet(identity, profile, serial_number))


@delete("/api/stations/{identity:str}")
async def delete_station(request: Request[Any, Any, Any], identity: FromPath[str]) -> None:
    """Forget a station's registration and password. What it reported stays."""
    identity = unquote(identity)
    supervision = supervision_of(request)
    if not await read(request, lambda connection: readings.is_registered(connection, identity)):
        raise ApiError(404, f"The station {identity} is not registered.")
    await supervision.provisioning.give_up(identity, "The operator deleted the station.")
    await supervision.edit(StationDeleted(identity))


@get("/api/policy")
async def get_policy(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """What holds for every station and idTag without a rule of its own."""
    return _policy_view(supervision_of(request).policy)


@put("/api/policy")
async def put_policy(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Change the policy."""
    rule = await read_body(request, PolicyRule)
    supervision = supervision_of(request)
    changes = {ours: getattr(rule, name) for name, ours in _POLICY_FIELDS.items() if getattr(rule, name) is not UNSET}
    await supervision.edit(PolicySet(msgspec.structs.replace(supervision.policy, **changes)))
    return _policy_view(supervision.policy)


def _policy_view(policy: Policy) -> dict[str, Any]:
    return {name: getattr(policy, ours) for name, ours in _POLICY_FIELDS.items()}


def _require_key(key: str) -> None:
    """32 to 40 hex digits in pairs, or a literal password; neither is repeated in the refusal."""
    hexadecimal = re.fullmatch(r"(?:[0-9A-Fa-f]{2}){16,20}", key)
    if key and not hexadecimal and not _LITERAL_KEY.fullmatch(key):
        expected = "32 to 40 hex digits in pairs, or a literal of 16 to 40 printable ASCII characters, or nothing"
        came = f"{len(key)} characters"
        raise ApiError(
            400,
            f"authorizationKey: expected {expected}, came {came}.",
            path="authorizationKey",
            expected=expected,
            came=came,
        )
