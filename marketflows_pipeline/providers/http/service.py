"""What every service has in common: one HTTP client, and its end."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from marketflows_pipeline.providers.http.client import HttpClient


class Connection:
    """The connection to one service; closed as a context manager.

    Args:
        http: the service, with its terms.
    """

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
