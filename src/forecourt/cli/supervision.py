"""`forecourt supervision`: the central system alone, until Ctrl-C."""

from __future__ import annotations

import ipaddress
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.errors import Misuse, port_options
from forecourt.cli.words import kept_in
from forecourt.ocpp.security_profiles import PROFILE_1_WARNING
from forecourt.runtime.ports import FILES_PORT, FILES_TLS_PORT, FTP_PORT, OCPP_PORT, SUPERVISION_PORT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forecourt.supervision.server import Supervision
    from forecourt.supervision.server_security import TlsOptions

PORT_OPTIONS = (
    "The options --ocpp-port, --http-port, --files-http, --files-https, --ftp, --tls-port and --door set them."
)
ORGANIZATION_LENGTH = 64
"""Of organizationName in X.509."""
HOST_LENGTH = 64
"""Of commonName in X.509."""
_HOST = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")


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
Certificates = Annotated[
    list[Path] | None,
    typer.Option(
        "--certificate",
        metavar="PEM",
        help="Certificate, with its chain, of the TLS server instead of its own; once for each key type.",
    ),
]
CertificateKeys = Annotated[
    list[Path] | None, typer.Option("--key", metavar="PEM", help="The key of each --certificate, in their order.")
]
LegacyTls = Annotated[
    bool, typer.Option("--legacy-tls", help="Also let in stations that know TLS 1.0 or 1.1 only, which is not secure.")
]
ManufacturerFile = Annotated[
    Path | None,
    typer.Option(
        "--manufacturer-authority",
        metavar="PEM",
        help="Roots of the manufacturer, trusted for signed firmware and for the first certificates of stations.",
    ),
]
Doors = Annotated[
    list[str] | None,
    typer.Option(
        "--door", metavar="PORT:PROFILE", help="One more port for stations, which takes this security profile only."
    ),
]
FilesHttp = Annotated[
    str | None,
    typer.Option(
        metavar="PORT|none",
        help="Where stations fetch and upload files over HTTP; 0 finds a free port, none opens none. "
        f"Without it, {FILES_PORT} or a free one.",
    ),
]
Ftp = Annotated[
    str | None,
    typer.Option(metavar="PORT|none", help=f"The same over FTP. Without it, {FTP_PORT} or a free one."),
]
FilesHttps = Annotated[
    str | None,
    typer.Option(
        metavar="PORT|none", help=f"The same over HTTPS, with --tls. Without it, {FILES_TLS_PORT} or a free one."
    ),
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
    files_http: FilesHttp = None,
    ftp: Ftp = None,
    files_https: FilesHttps = None,
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
    certificate: Certificates = None,
    key: CertificateKeys = None,
    legacy_tls: LegacyTls = False,
    manufacturer_authority: ManufacturerFile = None,
    door: Doors = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say the addresses as one JSON object.")] = False,
) -> None:
    """Run the supervision that stations connect to, with its HTTP API, until Ctrl-C."""
    import structlog

    from forecourt.runtime.loop import run
    from forecourt.supervision.server import Supervision, run_until_cancelled

    files_port, ftp_port = file_port("--files-http", files_http, FILES_PORT), file_port("--ftp", ftp, FTP_PORT)
    given = {"certificates": certificate_pairs(certificate or (), key or ()), "legacy": legacy_tls}
    options = tls_options(tls, tls_port, host_name, organization, authority, given)
    if files_https not in (None, "none") and options is None:
        raise Misuse("--files-https is for TLS: give --tls as well.")
    files_tls_port = file_port("--files-https", files_https, FILES_TLS_PORT)
    doors = door_ports(door or (), options is not None)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))

    async def main() -> None:
        ours = Supervision(
            ocpp_port=ocpp_port,
            http_port=http_port,
            data=data,
            accept_unknown_tags=accept_unknown_tags,
            files_port=files_port,
            ftp_port=ftp_port,
            files_tls_port=files_tls_port,
            tls=options,
            manufacturer=manufacturer_authority,
            doors=doors,
        )
        with port_options(PORT_OPTIONS):
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
    given: dict[str, Any],
) -> TlsOptions | None:
    """How to speak TLS; None for not at all. Raises `Misuse` for what is of no use without.

    `given` are further fields of the options.
    """
    from forecourt.supervision.server_security import ORGANIZATION, TlsOptions

    if not tls and port is None:
        if hosts or organization is not None or authority is not None or any(given.values()):
            names = "--host-name, --organization, --authority, --certificate and --legacy-tls"
            raise Misuse(f"{names} are for TLS: give --tls as well.")
        return None
    if organization is not None and not 1 <= len(organization) <= ORGANIZATION_LENGTH:
        raise Misuse(f"--organization takes 1 to {ORGANIZATION_LENGTH} characters; {len(organization)} came.")
    return TlsOptions(
        port=port,
        hosts=tuple(host_name(name) for name in hosts or ()),
        organization=organization or ORGANIZATION,
        authority=authority,
        **given,
    )


def host_name(text: str) -> str:
    """A name or address that a certificate can carry. Raises `Misuse`."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        if len(text) > HOST_LENGTH or not _HOST.fullmatch(text):
            raise Misuse(
                f"--host-name takes an address or a name of letters, digits, hyphens and dots, {HOST_LENGTH} at most; "
                f"{text!r} came."
            ) from None
    return text


def certificate_pairs(certificates: Sequence[Path], keys: Sequence[Path]) -> tuple[tuple[Path, Path], ...]:
    """The files of each server certificate. Raises `Misuse`."""
    if len(certificates) != len(keys):
        raise Misuse(f"--certificate and --key belong together; {len(certificates)} and {len(keys)} of them came.")
    return tuple(zip(certificates, keys, strict=True))


def door_ports(texts: Sequence[str], speaks_tls: bool) -> list[tuple[int, int]]:
    """Ports and their only profiles. Raises `Misuse`."""
    found = []
    for text in texts:
        port, _, profile = text.partition(":")
        if not port.isascii() or not port.isdigit() or int(port) > 65535 or profile not in ("0", "1", "2", "3"):
            raise Misuse(f"--door takes PORT:PROFILE, such as 9001:2, with a profile from 0 to 3; {text!r} came.")
        if int(profile) > 1 and not speaks_tls:
            raise Misuse(f"--door {text}: security profile {profile} needs TLS: give --tls as well.")
        found.append((int(port), int(profile)))
    return found


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
        "filesTlsUrl": files.https_url,
        "ftpUrl": None if files.ftp_port is None else f"ftp://{ours.host}:{files.ftp_port}/",
    }


def _text(ours: Supervision, data: Path | None) -> str:
    served = [url for url in _files(ours).values() if url is not None]
    return "\n".join(
        (
            f"Stations connect to  ws://{ours.host}:{ours.ocpp_port}/IDENTITY",
            *_tls_lines(ours),
            *(f"                 and {url}/IDENTITY, profile {profile} only" for url, profile in _doors(ours)),
            *_root_lines(ours),
            *(f"Warning: {warning}" for warning in _warnings(ours)),
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
    return [f"                 and {url}/IDENTITY, where ws takes profile 1 over trusted networks only"]


def _root_lines(ours: Supervision) -> list[str]:
    """Where the root of its certificates is, where it is known."""
    if ours.security is None or not ours.security.roots:
        return []
    return [f"Its root is at       http://{ours.host}:{ours.http_port}/api/authority"]


def _doors(ours: Supervision) -> list[tuple[str, int]]:
    """Where the ports are that take one security profile, and which."""
    hosts = (ours.host,) if ours.security is None else ours.security.hosts
    found = []
    for port, profile in ours.door_ports:
        found.append((f"wss://{hosts[0]}:{port}" if profile > 1 else f"ws://{ours.host}:{port}", profile))
    return found


def _warnings(ours: Supervision) -> list[str]:
    """What the operator should know of what was asked for (A00.FR.201)."""
    warnings = [PROFILE_1_WARNING] if any(profile == 1 for _, profile in ours.door_ports) else []
    if ours.security is not None and ours.security.legacy:
        warnings.append("TLS 1.0 and 1.1 are broken: let stations in with them no longer than they need to be updated.")
    return warnings


def _json(ours: Supervision, data: Path | None) -> str:
    return json.dumps(
        {
            "ocppUrl": f"ws://{ours.host}:{ours.ocpp_port}",
            "httpUrl": f"http://{ours.host}:{ours.http_port}",
            "tlsUrl": _tls_url(ours),
            "doors": [{"url": url, "securityProfile": profile} for url, profile in _doors(ours)],
            "warnings": _warnings(ours),
            "ocppPort": ours.ocpp_port,
            "httpPort": ours.http_port,
            **_files(ours),
            "data": None if data is None else str(data),
        }
    )
