"""URLs that requests can be sent to, and those that a secret may be sent to."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

_HOST_NAME = re.compile(r"[A-Za-z0-9._-]+")
_MAX_LENGTH = 2000


def is_web_address(url: str) -> bool:
    """Whether requests can be sent to a URL; httpx refuses, or alters, what is none with the first request only."""
    if not url.isprintable() or " " in url or len(url) > _MAX_LENGTH:
        return False
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        if is_number := "[" in parts.netloc or ("." in host and host.replace(".", "").isdecimal()):
            ip_address(host)
    except ValueError:
        return False
    if parts.scheme not in {"http", "https"} or port == 0:
        return False
    return is_number or _HOST_NAME.fullmatch(host) is not None or _is_foreign_name(url)


def _is_foreign_name(url: str) -> bool:
    """Whether the host's name has letters of other scripts, as names of hosts may."""
    if url.isascii():
        return False
    import httpx  # noqa: PLC0415 (slow to import, and few names are)

    try:
        return "%" not in httpx.URL(url).host
    except httpx.InvalidURL:
        return False


def keeps_secrets(url: str) -> bool:
    """Whether nobody on the way can read a request: https, or this machine itself."""
    parts = urlsplit(url)
    return parts.scheme == "https" or is_this_machine(parts.hostname or "")


def is_this_machine(host: str) -> bool:
    """Whether a host, as written, is this machine: ``localhost`` and the loopback addresses, and no other name."""
    if host.lower().removesuffix(".") == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
