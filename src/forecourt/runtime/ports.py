"""The ports that are taken unless others are asked for, and the sentence for one that cannot be had."""

from __future__ import annotations

import errno

from forecourt.errors import ForecourtError

HOST = "127.0.0.1"
OCPP_PORT = 9000
"""Where stations connect to the supervision."""
SUPERVISION_PORT = 8000
"""The supervision's HTTP API."""
FILES_PORT = 8001
"""The supervision's file server over HTTP, from which stations fetch and to which they upload."""
FILES_TLS_PORT = 8443
"""The same over HTTPS, where the supervision speaks TLS."""
FTP_PORT = 2121
"""The same over FTP."""
CONTROL_PORT = 8080
"""The control API of stations."""


class PortUnavailableError(ForecourtError):
    """A port to listen on is taken, forbidden or at an address of another machine."""


def port_unavailable(error: OSError, host: str, port: int) -> PortUnavailableError:
    """What to raise when nothing can listen there, with a sentence that names the port."""
    if error.errno == errno.EADDRINUSE:
        sentence = f"Port {port} of {host} is already in use: choose another port or end what uses it."
    elif error.errno == errno.EACCES:
        sentence = f"Port {port} of {host} may not be used by this user: choose one above 1023."
    else:
        sentence = f"Nothing can listen on {host}, port {port}: {error.strerror or error}."
    return PortUnavailableError(sentence)


def host_and_port(host: str, port: int) -> str:
    """`host:port`, with brackets where the host is an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
