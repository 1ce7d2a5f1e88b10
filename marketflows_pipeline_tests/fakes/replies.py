"""What a fake sends back, and how it leaves the socket."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Reply:
    """An answer, right or spoilt.

    Attributes:
        cut_at: how much of the promised body is sent before the connection closes; None is all of it.
        is_stalled: after what is sent, nothing comes any more.
        is_reset: the connection is reset before anything is sent.
    """

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_at: int | None = None
    is_stalled: bool = False
    is_reset: bool = False


def json_reply(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """An answer in JSON."""
    return Reply(status, json.dumps(body, separators=(",", ":"), check_circular=False).encode(), headers=headers or {})
