"""One GET request: its endpoint with the placeholders filled in, its URL, and headers of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self, TypeAlias
from urllib.parse import quote

import httpx

Values: TypeAlias = Mapping[str, str | int | bool]


@dataclass(frozen=True)
class Request:
    """A request; ``endpoint`` has placeholders, ``path`` their values, and ``headers`` go over those of the client."""

    endpoint: str
    path: str
    url: httpx.URL
    headers: Mapping[str, str]

    @classmethod
    def of(
        cls,
        base_url: str,
        endpoint: str,
        path: Values | None,
        params: Values | None,
        headers: Mapping[str, str] | None = None,
    ) -> Self:
        """The request of an endpoint; values of placeholders are URL-encoded."""
        filled = re.sub(r"\{(\w+)\}", lambda name: quote(str((path or {})[name[1]]), safe=""), endpoint)
        return cls(endpoint, filled, httpx.URL(base_url + filled, params=dict(params or {})), headers or {})

    @property
    def target(self) -> str:
        """Path and query, without the host."""
        return "?".join(filter(None, [self.path, self.url.query.decode()]))
