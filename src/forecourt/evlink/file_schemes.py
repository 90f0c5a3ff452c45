"""How a station fetches and sends files (guide, "Supported OCPP Operations": FTP, HTTP and HTTPS)."""

from __future__ import annotations

FILE_SCHEMES = ("ftp", "http", "https")
"""As an address begins; FTPS and SFTP are other protocols."""
