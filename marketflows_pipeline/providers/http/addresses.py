"""URLs that a secret may be sent to."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


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
