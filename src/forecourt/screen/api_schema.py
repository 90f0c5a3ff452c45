"""The OpenAPI description of the control API as JSON at `/schema`, with the bodies that handlers read themselves."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from litestar.openapi.plugins import JsonRenderPlugin

from forecourt.runtime.http_api import add_records, body_described, refusals_described

if TYPE_CHECKING:
    from collections.abc import Mapping

    import msgspec
    from litestar import Request
    from litestar.handlers import HTTPRouteHandler

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
        add_records(schema, self._bodies.values())
        for handler, body in self._bodies.items():
            path = next(iter(handler.paths)).replace(":str}", "}").replace(":int}", "}")
            (method,) = handler.http_methods
            schema["paths"][path][method.lower()]["requestBody"] = body_described(body)
        for operations in schema["paths"].values():
            for operation in operations.values():
                operation["responses"] |= refusals_described(_REFUSALS)
        return schema
