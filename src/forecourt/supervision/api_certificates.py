"""Root certificates on stations over the API: which are installed, one more, one fewer."""

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import unquote

from litestar import Request, Response, delete, get, post
from litestar.params import FromPath
from msgspec import UNSET, Meta, UnsetType

from forecourt.ocpp.security_extension import (
    CertificateHashData,
    CertificateUse,
    DeleteCertificateRequest,
    GetInstalledCertificateIdsRequest,
    GetInstalledCertificateIdsResponse,
    InstallCertificateRequest,
)
from forecourt.ocpp.types import Record, given
from forecourt.supervision.api_commands import outcome_response
from forecourt.supervision.api_errors import ApiError, read_body
from forecourt.supervision.api_requests import require_known, supervision_of
from forecourt.supervision.outcomes import Answered
from forecourt.supervision.views import InstalledCertificateView

if TYPE_CHECKING:
    from forecourt.supervision.server import Supervision

PEM_LENGTH = 5500


class RootOrder(Record, frozen=True, gc=False):
    """Which root a station is to install."""

    certificateType: CertificateUse
    certificate: Annotated[str, Meta(min_length=1, max_length=PEM_LENGTH)] | UnsetType = UNSET
    """PEM; without it, the roots that this supervision shows or trusts itself."""


@get("/api/stations/{identity:str}/installed-certificates")
async def list_installed(request: Request[Any, Any, Any], identity: FromPath[str]) -> Response[Any]:
    """The roots that a station has, as it tells now (GetInstalledCertificateIds for each type)."""
    identity = unquote(identity)
    await require_known(request, identity)
    found = await _installed(supervision_of(request), identity)
    return found if isinstance(found, Response) else Response(found)


@post("/api/stations/{identity:str}/installed-certificates", status_code=200)
async def install_root(request: Request[Any, Any, Any], identity: FromPath[str]) -> Response[Any]:
    """Have a station install roots (InstallCertificate); answered with what it answered to the last one."""
    identity = unquote(identity)
    supervision = supervision_of(request)
    await require_known(request, identity)
    order = await read_body(request, RootOrder)
    pem = given(order.certificate)
    for root in _own_roots(supervision, order.certificateType) if pem is None else (pem,):
        wanted = InstallCertificateRequest(certificateType=order.certificateType, certificate=root)
        command_id = supervision.new_command_id()
        outcome = await supervision.command(identity, wanted, command_id)
        response = outcome_response(outcome, command_id)
        if getattr(getattr(outcome, "response", None), "status", None) != "Accepted":
            break
    return response


@delete("/api/stations/{identity:str}/installed-certificates/{serial:str}", status_code=200)
async def delete_root(request: Request[Any, Any, Any], identity: FromPath[str], serial: FromPath[str]) -> Response[Any]:
    """Have a station delete the root of this serial number (hex digits), named exactly as the station names it.

    That includes the hash algorithm (white paper M04.FR.07). 404 when it has none such, 409 when it has several.
    """
    identity = unquote(identity)
    supervision = supervision_of(request)
    await require_known(request, identity)
    installed = await _installed(supervision, identity)
    if isinstance(installed, Response):
        return installed
    wanted = _number(serial)
    found = [one for one in installed if _number(one.serialNumber) == wanted]
    if not found:
        raise ApiError(404, f"{identity} has no root with the serial number {serial}.")
    if len({(one.issuerNameHash, one.issuerKeyHash) for one in found}) > 1:
        raise ApiError(409, f"{identity} has several roots with the serial number {serial}: use DeleteCertificate.")
    named = CertificateHashData(
        hashAlgorithm=found[0].hashAlgorithm,
        issuerNameHash=found[0].issuerNameHash,
        issuerKeyHash=found[0].issuerKeyHash,
        serialNumber=found[0].serialNumber,
    )
    command_id = supervision.new_command_id()
    outcome = await supervision.command(identity, DeleteCertificateRequest(certificateHashData=named), command_id)
    return outcome_response(outcome, command_id)


async def _installed(supervision: "Supervision", identity: str) -> list[InstalledCertificateView] | Response[Any]:
    """The roots of each type; a response that says why they are not known."""
    found = []
    for use in CertificateUse:
        command_id = supervision.new_command_id()
        request = GetInstalledCertificateIdsRequest(certificateType=use)
        outcome = await supervision.command(identity, request, command_id)
        if not isinstance(outcome, Answered) or not isinstance(outcome.response, GetInstalledCertificateIdsResponse):
            return outcome_response(outcome, command_id)
        for data in given(outcome.response.certificateHashData) or ():
            found.append(
                InstalledCertificateView(
                    certificateType=use,
                    hashAlgorithm=data.hashAlgorithm,
                    issuerNameHash=data.issuerNameHash,
                    issuerKeyHash=data.issuerKeyHash,
                    serialNumber=data.serialNumber,
                )
            )
    return found


def _own_roots(supervision: "Supervision", use: CertificateUse) -> tuple[str, ...]:
    """The roots that stations need for this supervision. Raises `ApiError` (409)."""
    if use is CertificateUse.ManufacturerRootCertificate:
        roots = () if supervision.manufacturer is None else supervision.manufacturer.roots
        missing = "no manufacturer is known: start with --manufacturer-authority"
    else:
        roots = () if supervision.security is None else supervision.security.roots
        missing = "no root of its own is known: start with --tls"
    if not roots:
        raise ApiError(409, f"Give the certificate; {missing}.")
    return roots


def _number(text: str) -> int | str:
    """A serial number as it compares: hex digits whatever their case and leading zeros."""
    try:
        return int(text, 16)
    except ValueError:
        return text
