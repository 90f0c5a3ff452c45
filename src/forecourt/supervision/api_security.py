"""Security over the API: the authority's root, passwords, profiles, certificates, security events."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote, unquote

from litestar import Request, Response, delete, get, put
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Meta

from forecourt.ocpp.types import Record
from forecourt.supervision import store_security
from forecourt.supervision.api_commands import outcome_response
from forecourt.supervision.api_errors import ApiError, read_body
from forecourt.supervision.api_registries import LIST_LIMIT, Limit
from forecourt.supervision.api_requests import read, require_known, supervision_of
from forecourt.supervision.server_provisioning import ProvisioningRefused
from forecourt.supervision.store_security import EventFilter
from forecourt.supervision.views import SecurityEventView, SecurityView, UpgradeView


class ProfileOrder(Record, frozen=True, gc=False, kw_only=True):
    """To which security profile a station is to be led."""

    profile: Annotated[int, Meta(ge=1, le=3)]


@get("/api/authority")
async def get_authority(request: Request[Any, Any, Any]) -> Response[str]:
    """The root certificates in PEM, which stations install to trust this supervision."""
    security = supervision_of(request).security
    if security is None:
        raise ApiError(404, "This supervision speaks no TLS and is no authority: start it with --tls.")
    if not security.roots:
        raise ApiError(404, "The server's certificate came from outside without its root: ask who issued it.")
    return Response("".join(security.roots), media_type="application/x-pem-file")


@get("/api/stations/{identity:str}/security")
async def get_security(request: Request[Any, Any, Any], identity: FromPath[str]) -> SecurityView:
    """What is expected of a station, what it has, and what came of its certificates. No password is shown."""
    identity = unquote(identity)
    await require_known(request, identity)
    supervision = supervision_of(request)
    expected = supervision.doors.expected(identity)
    connected = supervision.profile_of(identity)
    return SecurityView(
        identity=identity,
        securityProfile=expected.profile,
        provenProfile=expected.proven or None,
        connectedProfile=connected,
        serialNumber=supervision.doors.serial_number(identity) or None,
        authorizationKeySet=expected.key is not None,
        passwordChanging=expected.candidate is not None,
        upgrade=await read(request, lambda connection: store_security.upgrade(connection, identity)),
        certificates=await read(request, lambda connection: store_security.certificates(connection, identity)),
        warning=store_security.warning_of(expected.profile, connected),
    )


@put("/api/stations/{identity:str}/password", status_code=200)
async def put_password(request: Request[Any, Any, Any], identity: FromPath[str]) -> Response[Any]:
    """Give a connected station a new random password. Answered as ChangeConfiguration is; the password stays secret."""
    identity = unquote(identity)
    await require_known(request, identity)
    supervision = supervision_of(request)
    command_id = supervision.new_command_id()
    try:
        outcome = await supervision.provisioning.change_password(identity, command_id)
    except ProvisioningRefused as refusal:
        raise ApiError(409, str(refusal)) from refusal
    return outcome_response(outcome, command_id)


@put("/api/stations/{identity:str}/security-profile", status_code=202)
async def put_profile(request: Request[Any, Any, Any], identity: FromPath[str]) -> Response[UpgradeView]:
    """Lead a connected station to a higher security profile; `Location` tells how far it has come."""
    identity = unquote(identity)
    await require_known(request, identity)
    order = await read_body(request, ProfileOrder)
    try:
        await supervision_of(request).provisioning.change_profile(identity, order.profile)
    except ProvisioningRefused as refusal:
        raise ApiError(409, str(refusal)) from refusal
    headers = {"Location": f"/api/stations/{quote(identity, safe='')}/security-profile"}
    return Response(await _upgrade(request, identity), status_code=202, headers=headers)


@get("/api/stations/{identity:str}/security-profile")
async def get_profile(request: Request[Any, Any, Any], identity: FromPath[str]) -> UpgradeView:
    """How far a station has been led to another security profile."""
    return await _upgrade(request, unquote(identity))


async def _upgrade(request: Request[Any, Any, Any], identity: str) -> UpgradeView:
    found = await read(request, lambda connection: store_security.upgrade(connection, identity))
    if found is None:
        raise ApiError(404, f"The station {identity} was never led to another security profile.")
    return found


@delete("/api/stations/{identity:str}/certificates/{serial:str}")
async def revoke_certificate(request: Request[Any, Any, Any], identity: FromPath[str], serial: FromPath[str]) -> None:
    """Let nobody in with this certificate of a station any more; `serial` as hex digits."""
    identity, serial = unquote(identity), unquote(serial)
    if not await supervision_of(request).provisioning.revoke(identity, serial.upper()):
        raise ApiError(404, f"The station {identity} was given no certificate {serial}.")


@get("/api/security-events")
async def list_security_events(
    request: Request[Any, Any, Any],
    station: FromQuery[str | None] = None,
    kind: Annotated[str | None, QueryParameter(name="type", description="Such as InvalidTLSVersion.")] = None,
    since: Annotated[datetime | None, QueryParameter(description="Received then or later.")] = None,
    before: FromQuery[int | None] = None,
    limit: Limit = LIST_LIMIT,
) -> list[SecurityEventView]:
    """What stations reported and the supervision saw, the latest first; page on with `before`, an id."""
    since_s = None if since is None else since.timestamp()
    wanted = EventFilter(identity=station, type=kind, since_s=since_s, before=before)
    return await read(request, lambda connection: store_security.security_events(connection, wanted, limit))
