"""Names under which the page is served, and the Host header they are compared with."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address

from marketflows_pipeline.errors import UserInputError

HOSTS_VARIABLE = "MARKETFLOWS_WEB_HOSTS"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_HOST = re.compile(
    r"(?P<name>\[(?P<ipv6>[0-9a-f:.]+)\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?(?::[0-9]{1,5})?",
    re.ASCII | re.IGNORECASE,
)


def host_name(header: str) -> str | None:
    """The name in a Host header: lower case, without port and the dot of the root. None where it is malformed."""
    found = _HOST.fullmatch(header)
    if found is None:
        return None
    if found["ipv6"] is not None:
        try:
            return f"[{IPv6Address(found['ipv6'])}]"
        except AddressValueError:
            return None
    return found["name"].lower()


def served_hosts(listed: str) -> frozenset[str]:
    """Names under which the page is served: those of this machine, and those listed, separated by commas.

    Raises:
        UserInputError: if something listed is no plain name or address.
    """
    return LOOPBACK | {_listed_name(each.strip()) for each in listed.split(",") if each.strip()}


def _listed_name(listed: str) -> str:
    name = host_name(listed)
    if name is None or ":" in listed.rpartition("]")[2]:
        raise UserInputError(
            f"environment: {HOSTS_VARIABLE} = {listed!r}: expected names or addresses without scheme, port or "
            "wildcard, separated by commas, such as flows.example.org, 192.0.2.7 or [2001:db8::7]"
        )
    return name
