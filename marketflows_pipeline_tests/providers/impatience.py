"""A real connection that gives up early where a test wants it to, however busy the machine is."""

from __future__ import annotations

import httpx

EARLY_S = 0.2


class ImpatientOnce(httpx.HTTPTransport):
    """Waits a moment only for each part of the first answer, which a test holds back, and as long as asked for others.

    A short timeout for all of them would also give up a good answer where the machine is busy.
    """

    def __init__(self) -> None:
        super().__init__()
        self._is_first = True

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self._is_first:
            request.extensions["timeout"] = {**request.extensions["timeout"], "read": EARLY_S}
        self._is_first = False
        return super().handle_request(request)
