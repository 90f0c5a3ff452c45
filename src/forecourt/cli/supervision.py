"""`forecourt supervision`: the central system alone, until Ctrl-C."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecourt.cli.errors import Misuse, port_options
from forecourt.cli.words import kept_in
from forecourt.runtime.ports import FILES_PORT, FTP_PORT, OCPP_PORT, SUPERVISION_PORT

if TYPE_CHECKING:
    from forecourt.supervision.server import Supervision
    from forecourt.supervision.server_security import TlsOptions

ORGANIZATION_LENGTH = 64
"""Of organizationName in X.509."""


Tls = Annotated[bool, typer.Option("--tls", help="Also speak TLS: wss where ws is, and be a certificate authority.")]
TlsPort = Annotated[
    int | None,
    typer.Option(min=0, max=65535, help="One more port, for TLS only; 0 finds a free one. Implies --tls."),
]
HostNames = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="A name or address that stations reach it by, the main one first."),
]
Organization = Annotated[
    str | None, typer.Option(metavar="NAME", help="The operator's name in certificates: CpoName of the stations.")
]
AuthorityFiles = Annotated[
    tuple[Path, Path] | None,
    typer.Option(metavar="PEM KEY", help="Certificate and key of the authority that signs, instead of its own."),
]


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
    files_http: Annotated[
        str | None,
        typer.Option(
            metavar="PORT|none",
            help="Where stations fetch and upload files over HTTP; 0 finds a free port, none opens none. "
            f"Without it, {FILES_PORT} or a free one.",
        ),
    ] = None,
    ftp: Annotated[
        str | None,
        typer.Option(metavar="PORT|none", help=f"The same over FTP. Without it, {FTP_PORT} or a free one."),
    ] = None,
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
    tls: Tls = False,
    tls_port: TlsPort = None,
    host_name: HostNames = None,
    organization: Organization = None,
    authority: AuthorityFiles = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say the addresses as one JSON object.")] = False,
) -> None:
    """Run the supervision that stations connect to, with its HTTP API, until Ctrl-C."""
    import structlog

    from forecourt.runtime.loop import run
    from forecourt.supervision.server import Supervision, run_until_cancelled

    files_port, ftp_port = file_port("--files-http", files_http, FILES_PORT), file_port("--ftp", ftp, FTP_PORT)
    options = tls_options(tls, tls_port, host_name, organization, authority)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))

    async def main() -> None:
        ours = Supervision(
            ocpp_port=ocpp_port,
            http_port=http_port,
            data=data,
            accept_unknown_tags=accept_unknown_tags,
            files_port=files_port,
            ftp_port=ftp_port,
            tls=options,
        )
        with port_options("The options --ocpp-port, --http-port, --files-http, --ftp and --tls-port set them."):
            await ours.start()
        print(_json(ours, data) if as_json else _text(ours, data), flush=True)
        await run_until_cancelled(ours)

    run(main())


def tls_options(
    tls: bool,
    port: int | None,
    hosts: list[str] | None,
    organization: str | None,
    authority: tuple[Path, Path] | None,
) -> TlsOptions | None:
    """How to speak TLS; None for not at all. Raises `Misuse` for what is of no use without."""
    from forecourt.supervision.server_security import HOSTS, ORGANIZATION, TlsOptions

    if not tls and port is None:
        if hosts or organization is not None or authority is not None:
            raise Misuse("--host-name, --organization and --authority are for TLS: give --tls as well.")
        return None
    if organization is not None and not 1 <= len(organization) <= ORGANIZATION_LENGTH:
        raise Misuse(f"--organization takes 1 to {ORGANIZATION_LENGTH} characters; {len(organization)} came.")
    names = tuple(hosts) if hosts else HOSTS
    return TlsOptions(port=port, hosts=names, organization=organization or ORGANIZATION, authority=authority)


def file_port(option: str, text: str | None, usual: int) -> int | None:
    """The port of a file server: as asked for, or the usual one where it is free, else any. Raises `Misuse`."""
    from forecourt.supervision.files_servers import UsualPort

    if text is None:
        return UsualPort(usual)
    if text == "none":
        return None
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise Misuse(f"{option} takes a port from 0 to 65535, or none; {text!r} came.")
    return int(text)


def _files(ours: Supervision) -> dict[str, str | None]:
    """Where the file servers are."""
    files = ours.files
    return {
        "filesUrl": None if files.http_port is None else f"http://{ours.host}:{files.http_port}/files/",
        "ftpUrl": None if files.ftp_port is None else f"ftp://{ours.host}:{files.ftp_port}/",
    }


def _text(ours: Supervision, data: Path | None) -> str:
    served = [url for url in _files(ours).values() if url is not None]
    return "\n".join(
        (
            f"Stations connect to  ws://{ours.host}:{ours.ocpp_port}/IDENTITY",
            *_tls_lines(ours),
            f"The HTTP API is at   http://{ours.host}:{ours.http_port}/api/stations (described at /schema)",
            f"Files are fetched at {' and '.join(served) or 'no server of ours'}",
            kept_in(data),
            "Ctrl-C ends.",
        )
    )


def _tls_url(ours: Supervision) -> str | None:
    """Where stations connect over TLS."""
    if ours.security is None:
        return None
    return f"wss://{ours.security.hosts[0]}:{ours.security.tls_port or ours.ocpp_port}"


def _tls_lines(ours: Supervision) -> list[str]:
    url = _tls_url(ours)
    if url is None:
        return []
    return [
        f"                 and {url}/IDENTITY, where ws takes profile 1 over trusted networks only",
        f"Its root is at       http://{ours.host}:{ours.http_port}/api/authority",
    ]


def _json(ours: Supervision, data: Path | None) -> str:
    return json.dumps(
        {
            "ocppUrl": f"ws://{ours.host}:{ours.ocpp_port}",
            "httpUrl": f"http://{ours.host}:{ours.http_port}",
            "tlsUrl": _tls_url(ours),
            "ocppPort": ours.ocpp_port,
            "httpPort": ours.http_port,
            **_files(ours),
            "data": None if data is None else str(data),
        }
    )
