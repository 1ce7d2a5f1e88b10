"""Who may ask CoinGecko how often: keys, hosts, calls per minute, credits per month."""

from __future__ import annotations

import math
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Literal, TypeAlias

from marketflows_pipeline_tests.fakes.coingecko import errors
from marketflows_pipeline_tests.fakes.replies import Reply, json_reply

RetryHint: TypeAlias = Literal["retry-after", "reset", "invalid", "none"]

DEMO_KEY = "CG-demo-key-of-the-tests"
PRO_KEY = "CG-pro-key-of-the-tests"
MINUTE = timedelta(minutes=1)


@dataclass
class Access:
    """The gate of one host.

    Attributes:
        host: ``demo`` is the public host, which also lets the keyless in.
        calls_per_minute: of each key, or None for no limit.
        keyless_calls_per_minute: of all who bring no key, or None for no limit.
        monthly_credits: calls let in of each key in a calendar month, or None for no limit.
        retry_hint: what a refusal for speed says about when to come back.
        wrong_host_status: 400 and 401 were both seen.
    """

    host: Literal["demo", "pro"] = "demo"
    calls_per_minute: int | None = 30
    keyless_calls_per_minute: int | None = 10
    monthly_credits: int | None = 10_000
    retry_hint: RetryHint = "reset"
    wrong_host_status: int = HTTPStatus.UNAUTHORIZED
    _recent: dict[str, deque[datetime]] = field(default_factory=lambda: defaultdict(deque), repr=False)
    _spent: Counter[tuple[str, int, int]] = field(default_factory=Counter, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def admit(self, headers: Mapping[str, str], params: Mapping[str, str], now: datetime) -> Reply | None:
        """The refusal of a request, or None."""
        demo = headers.get("x-cg-demo-api-key") or params.get("x_cg_demo_api_key")
        pro = headers.get("x-cg-pro-api-key") or params.get("x_cg_pro_api_key")
        with self._lock:
            return self._refuse_key(demo, pro) or self._refuse_speed(demo or pro, now)

    def spent(self, key: str | None, now: datetime) -> int:
        """Credits that a key has used in the month of ``now``."""
        return self._spent[key or "", now.year, now.month]

    def _refuse_key(self, demo: str | None, pro: str | None) -> Reply | None:
        if self.host == "demo":
            if PRO_KEY in (demo, pro):
                return json_reply(errors.PRO_KEY_ON_PUBLIC_HOST, self.wrong_host_status)
            known = demo in (None, DEMO_KEY)
        else:
            if DEMO_KEY in (demo, pro):
                return json_reply(errors.DEMO_KEY_ON_PRO_HOST, self.wrong_host_status)
            known = pro == PRO_KEY
        return None if known else json_reply(errors.KEY_MISSING, HTTPStatus.UNAUTHORIZED)

    def _refuse_speed(self, key: str | None, now: datetime) -> Reply | None:
        month = (key or "", now.year, now.month)
        if self.monthly_credits is not None and self._spent[month] >= self.monthly_credits:
            return json_reply(errors.MONTH_USED_UP, HTTPStatus.TOO_MANY_REQUESTS)
        limit = self.calls_per_minute if key else self.keyless_calls_per_minute
        recent = self._recent[key or ""]
        while recent and recent[0] <= now - MINUTE:
            recent.popleft()
        if limit is not None and len(recent) >= limit:
            return json_reply(
                errors.RATE_LIMIT, HTTPStatus.TOO_MANY_REQUESTS, _hint(self.retry_hint, recent[0] + MINUTE, now)
            )
        recent.append(now)
        self._spent[month] += 1
        return None


def _hint(kind: RetryHint, free_at: datetime, now: datetime) -> dict[str, str]:
    match kind:
        case "retry-after":
            return {"retry-after": str(math.ceil((free_at - now).total_seconds()))}
        case "reset":
            return {"x-ratelimit-reset": f"{free_at + timedelta(seconds=1):%Y-%m-%d %H:%M:%S} +0000"}
        case "invalid":
            return {"retry-after": "soon"}
        case "none":
            return {}
