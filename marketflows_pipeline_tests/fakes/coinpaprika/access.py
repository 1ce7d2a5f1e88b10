"""Who may ask CoinPaprika how often: keys, hosts, calls per second, calls per month."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Literal

from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.coinpaprika import errors
from marketflows_pipeline_tests.fakes.replies import Reply, json_reply

PAID_KEY = "paprika-key-of-the-tests"
SECOND = timedelta(seconds=1)


@dataclass
class Access:
    """The gate of one host.

    Attributes:
        host: ``free`` looks at no key; ``paid`` wants it bare.
        calls_per_second: of one address, or None for no limit.
        monthly_calls: let in in a calendar month, or None for no limit.
        refusal: the body of a refusal for want of quota; none was kept by those who met it.
        retry_after: what a refusal for speed says about when to come back; as a rule nothing.
    """

    host: Literal["free", "paid"] = "free"
    calls_per_second: int | None = 10
    monthly_calls: int | None = 20_000
    refusal: bytes = b""
    retry_after: int | None = None
    _recent: deque[datetime] = field(default_factory=deque, repr=False)
    _spent: Counter[tuple[int, int]] = field(default_factory=Counter, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def admit(self, headers: Mapping[str, str], now: datetime) -> Reply | None:
        """The refusal of a request, or None."""
        with self._lock:
            return self._refuse_key(headers.get("authorization", "")) or self._refuse_speed(now)

    def _refuse_key(self, key: str) -> Reply | None:
        if self.host == "free" or key == PAID_KEY:
            return None
        if key.startswith("Bearer "):
            return faults.html(HTTPStatus.FORBIDDEN)(Reply(HTTPStatus.OK, b""))
        return json_reply(errors.INVALID_KEY, HTTPStatus.FORBIDDEN)

    def _refuse_speed(self, now: datetime) -> Reply | None:
        month = now.year, now.month
        if self.monthly_calls is not None and self._spent[month] >= self.monthly_calls:
            return Reply(HTTPStatus.PAYMENT_REQUIRED, self.refusal)
        while self._recent and self._recent[0] <= now - SECOND:
            self._recent.popleft()
        if self.calls_per_second is not None and len(self._recent) >= self.calls_per_second:
            hint = {} if self.retry_after is None else {"retry-after": str(self.retry_after)}
            return json_reply(errors.REQUEST_LIMIT, HTTPStatus.TOO_MANY_REQUESTS, hint)
        self._recent.append(now)
        self._spent[month] += 1
        return None
