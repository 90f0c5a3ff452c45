"""The OpenAPI description of the control API as JSON at `/schema`, with the bodies that handlers read themselves."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import msgspec
from litestar.openapi.plugins import JsonRenderPlugin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litestar import Request
    from litestar.handlers import HTTPRouteHandler

SCHEMA_PATH = "/schema"
_REFERENCES = "#/components/schemas/{name}"
_REFUSALS = {
    "400": "Something else was expected; the sentence says what.",
    "404": "There is no such station, connector, key or error.",
    "409": "It cannot be done in the present state.",
}


class BodiesPlugin(JsonRenderPlugin):
    """The framework's JSON with the bodies and the refusals added."""

    def __init__(self, bodies: Mapping[HTTPRouteHandler, type[msgspec.Struct]]) -> None:
        super().__init__(path="/")
        self._bodies = dict(bodies)

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The whole description as JSON."""
        return super().render(request, self._described(openapi_schema))

    def _described(self, framework_schema: dict[str, Any]) -> dict[str, Any]:
        schema = copy.deepcopy(framework_schema)
        _, components = msgspec.json.schema_components(self._bodies.values(), ref_template=_REFERENCES)
        schema.setdefault("components", {}).setdefault("schemas", {}).update(components)
        for handler, body in self._bodies.items():
            path = next(iter(handler.paths)).replace(":str}", "}").replace(":int}", "}")
            (method,) = handler.http_methods
            required = any(field.required for field in msgspec.structs.fields(body))
            reference = {"$ref": _REFERENCES.format(name=body.__name__)}
            schema["paths"][path][method.lower()]["requestBody"] = {
                "content": {"application/json": {"schema": reference}},
                "required": required,
            }
        for operations in schema["paths"].values():
            for operation in operations.values():
                operation["responses"] |= {status: _refusal(text) for status, text in _REFUSALS.items()}
        return schema


def _refusal(text: str) -> dict[str, Any]:
    body = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
    return {"description": text, "content": {"application/json": {"schema": body}}}
