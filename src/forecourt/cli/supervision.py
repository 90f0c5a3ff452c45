"""`forecourt supervision`: the central system alone, until Ctrl-C."""

from __future__ import annotations

import json
import sys
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from forecourt.cli.errors import port_options
from forecourt.cli.words import kept_in
from forecourt.runtime.ports import OCPP_PORT, SUPERVISION_PORT

if TYPE_CHECKING:
    from forecourt.supervision.server import Supervision


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("supervision")(supervision)


def supervision(
    ocpp_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where stations connect; 0 finds a free port.")
    ] = OCPP_PORT,
    http_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where the HTTP API is; 0 finds a free port.")
    ] = SUPERVISION_PORT,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep everything in this folder; without it nothing is kept.")
    ] = None,
    accept_unknown_tags: Annotated[
        bool | None,
        typer.Option(
            "--accept-unknown-tags/--known-tags-only",
            help="Whether an idTag that is not registered is accepted; else as the data folder says, at first not.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say the addresses as one JSON object.")] = False,
) -> None:
    """Run the supervision that stations connect to, with its HTTP API, until Ctrl-C."""
    import structlog

    from forecourt.runtime.loop import run
    from forecourt.supervision.server import Supervision, run_until_cancelled

    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))

    async def main() -> None:
        ours = Supervision(ocpp_port=ocpp_port, http_port=http_port, data=data, accept_unknown_tags=accept_unknown_tags)
        with port_options("The options --ocpp-port and --http-port set them."):
            await ours.start()
        print(_json(ours, data) if as_json else _text(ours, data), flush=True)
        await run_until_cancelled(ours)

    run(main())


def _text(ours: Supervision, data: Path | None) -> str:
    return "\n".join(
        (
            f"Stations connect to  ws://{ours.host}:{ours.ocpp_port}/IDENTITY",
            f"The HTTP API is at   http://{ours.host}:{ours.http_port}/api/stations (described at /schema)",
            kept_in(data),
            "Ctrl-C ends.",
        )
    )


def _json(ours: Supervision, data: Path | None) -> str:
    return json.dumps(
        {
            "ocppUrl": f"ws://{ours.host}:{ours.ocpp_port}",
            "httpUrl": f"http://{ours.host}:{ours.http_port}",
            "ocppPort": ours.ocpp_port,
            "httpPort": ours.http_port,
            "data": None if data is None else str(data),
        }
    )
