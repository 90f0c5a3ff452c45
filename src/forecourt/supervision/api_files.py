"""Files over the API: what stations fetch, what they uploaded, and the commands that make them do either.

The locations are the supervision's own: `POST .../diagnostics` makes an address that takes this one upload, and
`POST .../firmware` names a file of `GET /api/files`.
"""

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import unquote

from litestar import Request, Response, delete, get, post, put
from litestar.params import FromPath, FromQuery
from litestar.response import File
from msgspec import UNSET, Meta, UnsetType

from forecourt.ocpp.firmware_management import GetDiagnosticsRequest, UpdateFirmwareRequest
from forecourt.ocpp.security_extension import (
    Firmware,
    GetLogRequest,
    LogParameters,
    LogType,
    SignedUpdateFirmwareRequest,
)
from forecourt.ocpp.types import DateTime, Record, from_epoch, given, keep_utc
from forecourt.supervision import readings
from forecourt.supervision.api_commands import location_of, outcome_response, read_command
from forecourt.supervision.api_errors import read_body
from forecourt.supervision.api_registries import LIST_LIMIT, Limit
from forecourt.supervision.api_requests import read, require_known, supervision_of
from forecourt.supervision.files_http import body_pieces
from forecourt.supervision.files_store import StoredFile, require_safe_name
from forecourt.supervision.outcomes import Answered
from forecourt.supervision.server_signed_firmware import FirmwareSignature, keep_signature, kept_signature
from forecourt.supervision.views import FileView, UploadView

if TYPE_CHECKING:
    from forecourt.supervision.server import Supervision

Protocol = Annotated[str, Meta(pattern="^(https?|ftp)$")]
Count = Annotated[int, Meta(ge=0, le=1000)]
Seconds = Annotated[int, Meta(ge=0, le=86_400)]


class DiagnosticsOrder(Record, frozen=True, gc=False):
    """What diagnostics are wanted; everything may be left out."""

    startTime: DateTime | UnsetType = UNSET
    stopTime: DateTime | UnsetType = UNSET
    retries: Count | UnsetType = UNSET
    retryInterval: Seconds | UnsetType = UNSET
    protocol: Protocol | UnsetType = UNSET
    """http, https or ftp: over which the station is to upload; without it, what is served."""

    def __post_init__(self) -> None:
        keep_utc(self, "startTime")
        keep_utc(self, "stopTime")


class FirmwareOrder(Record, frozen=True, gc=False):
    """Which firmware a station is to install."""

    file: str
    """A name in `GET /api/files`."""
    signed: bool = False
    """Whether to send it as SignedUpdateFirmware, with the signature that was put beside it."""
    retrieveDate: DateTime | UnsetType = UNSET
    """From when on the station may fetch it; without it, now."""
    installDate: DateTime | UnsetType = UNSET
    """Of signed firmware: from when on it may be installed; without it, as soon as possible."""
    retries: Count | UnsetType = UNSET
    retryInterval: Seconds | UnsetType = UNSET
    protocol: Protocol | UnsetType = UNSET
    """http, https or ftp: over which the station is to fetch; without it, what is served, and https for signed ones."""

    def __post_init__(self) -> None:
        keep_utc(self, "retrieveDate", "installDate")
        if self.installDate is not UNSET and not self.signed:
            raise ValueError("expected an installDate for signed firmware only")


class LogOrder(Record, frozen=True, gc=False):
    """Which log is wanted."""

    logType: LogType
    oldestTimestamp: DateTime | UnsetType = UNSET
    latestTimestamp: DateTime | UnsetType = UNSET
    retries: Count | UnsetType = UNSET
    retryInterval: Seconds | UnsetType = UNSET
    protocol: Protocol | UnsetType = UNSET
    """http, https or ftp: over which the station is to upload; without it, what is served."""

    def __post_init__(self) -> None:
        keep_utc(self, "oldestTimestamp", "latestTimestamp")


@post("/api/stations/{identity:str}/diagnostics", status_code=202)
async def order_diagnostics(request: Request[Any, Any, Any], identity: FromPath[str]) -> Response[Any]:
    """Have a station upload its diagnostics here. `Location` goes on to tell of the upload and names its file."""
    identity = unquote(identity)
    supervision = supervision_of(request)
    await require_known(request, identity)
    order = await read_body(request, DiagnosticsOrder)
    protocol = supervision.files.protocol(given(order.protocol))
    command_id = supervision.new_command_id()
    ticket = supervision.files.store.issue(identity, command_id)
    wanted = GetDiagnosticsRequest(
        location=supervision.files.upload_url(ticket, protocol),
        startTime=order.startTime,
        stopTime=order.stopTime,
        retries=order.retries,
        retryInterval=order.retryInterval,
    )
    response = await ordered(request, supervision, identity, wanted, command_id)
    if response.status_code != 202:
        supervision.files.store.take_back(ticket)
    return response


@post("/api/stations/{identity:str}/firmware", status_code=202)
async def order_firmware(request: Request[Any, Any, Any], identity: FromPath[str]) -> Response[Any]:
    """Have a station install a file of `GET /api/files`. `Location` goes on to tell of the update."""
    identity = unquote(identity)
    supervision = supervision_of(request)
    await require_known(request, identity)
    order = await read_body(request, FirmwareOrder)
    supervision.files.store.find(order.file)
    protocol = supervision.files.protocol(given(order.protocol), encrypted=order.signed)
    location = supervision.files.file_url(order.file, protocol)
    retrieve = given(order.retrieveDate) or from_epoch(supervision.now())
    command_id = supervision.new_command_id()
    wanted: Record
    if order.signed:
        signature = await kept_signature(supervision, order.file)
        firmware = Firmware(
            location=location,
            retrieveDateTime=retrieve,
            installDateTime=order.installDate,
            signingCertificate=signature.signingCertificate,
            signature=signature.signature,
        )
        wanted = SignedUpdateFirmwareRequest(
            requestId=request_id_of(command_id),
            firmware=firmware,
            retries=order.retries,
            retryInterval=order.retryInterval,
        )
    else:
        wanted = UpdateFirmwareRequest(
            location=location, retrieveDate=retrieve, retries=order.retries, retryInterval=order.retryInterval
        )
    return await ordered(request, supervision, identity, wanted, command_id)


@post("/api/stations/{identity:str}/log", status_code=202)
async def order_log(request: Request[Any, Any, Any], identity: FromPath[str]) -> Response[Any]:
    """Have a station upload a log here (GetLog). `Location` goes on to tell of the upload and names its file."""
    identity = unquote(identity)
    supervision = supervision_of(request)
    await require_known(request, identity)
    order = await read_body(request, LogOrder)
    protocol = supervision.files.protocol(given(order.protocol))
    command_id = supervision.new_command_id()
    ticket = supervision.files.store.issue(identity, command_id)
    wanted = GetLogRequest(
        logType=order.logType,
        requestId=request_id_of(command_id),
        log=LogParameters(
            remoteLocation=supervision.files.upload_url(ticket, protocol),
            oldestTimestamp=order.oldestTimestamp,
            latestTimestamp=order.latestTimestamp,
        ),
        retries=order.retries,
        retryInterval=order.retryInterval,
    )
    response = await ordered(request, supervision, identity, wanted, command_id)
    if response.status_code != 202 or response.content.response.get("status") == "Rejected":
        supervision.files.store.take_back(ticket)
    return response


def request_id_of(command_id: str) -> int:
    """The number by which a station's reports name a command: 31 bits of its random id."""
    return int(command_id[:8], 16) >> 1


async def ordered(
    request: Request[Any, Any, Any], supervision: "Supervision", identity: str, wanted: Record, command_id: str
) -> Response[Any]:
    """202 with the command's own resource when the station answered; else why it did not."""
    outcome = await supervision.command(identity, wanted, command_id)
    if not isinstance(outcome, Answered):
        return outcome_response(outcome, command_id)
    found = await read_command(request, command_id)
    return Response(found, status_code=202, headers={"Location": location_of(command_id)})


@get("/api/files")
async def list_files(request: Request[Any, Any, Any]) -> list[FileView]:
    """What stations may fetch, by name."""
    supervision = supervision_of(request)
    return [_file_view(supervision, file) for file in supervision.files.store.stored()]


@put("/api/files/{name:str}", status_code=201, request_max_body_size=None)
async def put_file(request: Request[Any, Any, Any], name: FromPath[str]) -> FileView:
    """Put a file that stations may fetch, such as a firmware image; the body is the file."""
    supervision = supervision_of(request)
    store = supervision.files.store
    async with body_pieces(request) as pieces, store.put() as incoming:
        name = require_safe_name(unquote(name))
        async for piece in pieces:
            await incoming.write(piece)
        store.remove_signature(name)  # it is that of the former file
        await incoming.keep(store.files, name, replace=True)
    return next(_file_view(supervision, file) for file in store.stored() if file.name == name)


@delete("/api/files/{name:str}")
async def delete_file(request: Request[Any, Any, Any], name: FromPath[str]) -> None:
    """Take a file away."""
    supervision_of(request).files.store.remove(unquote(name))


@put("/api/files/{name:str}/signature", status_code=201)
async def put_signature(request: Request[Any, Any, Any], name: FromPath[str]) -> FileView:
    """Keep the manufacturer's signature of a firmware image; 409 unless it is one, by a trusted manufacturer."""
    name = unquote(name)
    supervision = supervision_of(request)
    await keep_signature(supervision, name, await read_body(request, FirmwareSignature))
    return next(_file_view(supervision, file) for file in supervision.files.store.stored() if file.name == name)


@get("/api/uploads")
async def list_uploads(
    request: Request[Any, Any, Any],
    identity: FromQuery[str | None] = None,
    before: FromQuery[int | None] = None,
    limit: Limit = LIST_LIMIT,
) -> list[UploadView]:
    """What stations uploaded, the latest first; page on with `before` the last id."""
    return await read(
        request, lambda connection: readings.uploads(connection, identity=identity, before=before, limit=limit)
    )


@get("/api/uploads/{identity:str}/{name:str}")
async def get_upload(request: Request[Any, Any, Any], identity: FromPath[str], name: FromPath[str]) -> File:
    """One of these files."""
    path = supervision_of(request).files.store.find_upload(unquote(identity), unquote(name))
    return File(path=path, filename=path.name, media_type="application/octet-stream")


@delete("/api/uploads/{identity:str}/{name:str}")
async def delete_upload(request: Request[Any, Any, Any], identity: FromPath[str], name: FromPath[str]) -> None:
    """Delete one."""
    await supervision_of(request).remove_upload(unquote(identity), unquote(name))


def _file_view(supervision: "Supervision", file: StoredFile) -> FileView:
    files = supervision.files
    return FileView(
        name=file.name,
        size=file.size_bytes,
        modifiedAt=from_epoch(file.modified_s),
        signed=file.is_signed,
        locations=[files.file_url(file.name, protocol) for protocol in files.served],
    )
