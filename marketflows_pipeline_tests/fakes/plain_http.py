"""A client of the fakes, which speak plain HTTP: loading the certificates of TLS takes longer than most requests."""

from __future__ import annotations

import ssl
from typing import Any

import httpx

_NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def plain_client(**options: Any) -> httpx.Client:
    """As `httpx.Client`; it trusts no certificate."""
    return httpx.Client(verify=_NO_CERTIFICATES, **options)
