"""The OpenAPI description, as JSON at `/schema`: the framework's own, and in it every command with OCPP's records."""

import copy
from typing import Any

import msgspec
from litestar.connection import Request
from litestar.openapi.plugins import JsonRenderPlugin

from forecourt.runtime.http_api import add_records, body_described, record_content, refusals_described
from forecourt.supervision.api_certificates import RootOrder
from forecourt.supervision.api_commands import COMMANDS
from forecourt.supervision.api_files import DiagnosticsOrder, FirmwareOrder, LogOrder
from forecourt.supervision.api_lists import LocalListOrder
from forecourt.supervision.api_prices import CostOrder, TariffOrder
from forecourt.supervision.api_registries import IdTagRule, PolicyRule, StationRule
from forecourt.supervision.api_security import ProfileOrder
from forecourt.supervision.api_tariffs import TariffAssignment, TariffRule
from forecourt.supervision.server_signed_firmware import FirmwareSignature

_COMMAND_PATH = "/api/stations/{identity}/commands/{action}"

_BODIES: dict[tuple[str, str], type[msgspec.Struct]] = {
    ("/api/id-tags/{id_tag}", "put"): IdTagRule,
    ("/api/stations/{identity}", "put"): StationRule,
    ("/api/policy", "put"): PolicyRule,
    ("/api/stations/{identity}/diagnostics", "post"): DiagnosticsOrder,
    ("/api/stations/{identity}/firmware", "post"): FirmwareOrder,
    ("/api/stations/{identity}/log", "post"): LogOrder,
    ("/api/files/{name}/signature", "put"): FirmwareSignature,
    ("/api/stations/{identity}/installed-certificates", "post"): RootOrder,
    ("/api/stations/{identity}/cost", "post"): CostOrder,
    ("/api/stations/{identity}/local-list", "post"): LocalListOrder,
    ("/api/stations/{identity}/security-profile", "put"): ProfileOrder,
    ("/api/stations/{identity}/tariff", "post"): TariffOrder,
    ("/api/tariffs/{name}", "put"): TariffRule,
    ("/api/tariff-assignment", "put"): TariffAssignment,
    ("/api/stations/{identity}/tariff-assignment", "put"): TariffAssignment,
}
"""The bodies that handlers read themselves, for their own words about what is wrong."""

_FAILURES = {
    "400": "The payload is not what OCPP asks for: path, expected, came.",
    "404": "There is no such station.",
    "409": "The station is not connected, or the supervision's own duty forbids it now.",
    "502": "The station answered with a CALLERROR: code, description.",
    "504": "The station did not answer in time.",
}


class SchemaPlugin(JsonRenderPlugin):
    """The framework's JSON with the commands unfolded, one path each."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The whole description as JSON."""
        return super().render(request, described(openapi_schema))


def described(framework_schema: dict[str, Any]) -> dict[str, Any]:
    """The description with OCPP's records in it."""
    schema = copy.deepcopy(framework_schema)
    records = [record for action in COMMANDS.values() for record in (action.request, action.response)]
    add_records(schema, [*records, *_BODIES.values()])
    paths = schema["paths"]
    for (path, method), body in _BODIES.items():
        paths[path][method]["requestBody"] = body_described(body)
    unfolded = paths.pop(_COMMAND_PATH)["post"]
    for name, action in COMMANDS.items():
        parameters = [each for each in unfolded["parameters"] if each["name"] != "action"]
        answer = {
            "description": "What the station answered.",
            "headers": {"Location": {"schema": {"type": "string"}, "description": "The command's own resource."}},
        }
        paths[_COMMAND_PATH.replace("{action}", name)] = {
            "post": {
                "summary": name,
                "operationId": name,
                "tags": [str(action.profile)],
                "parameters": parameters,
                "requestBody": body_described(action.request),
                "responses": {"200": answer | record_content(action.response)} | refusals_described(_FAILURES),
            }
        }
    return schema
