"""The errors of this program; the message of each says what the user should do next.

How a failed request is handled:

1. The classifier of each provider (``classify``, over providers/http/responses.py) decides at the edge whether a
   response is a transient or a permanent error.
2. providers/http/retry.py retries the request while the error is transient, within providers/http/wait_budget.py.
3. assets/fetching.py runs the step once more after a TransientProviderError, within the same wait budget.

Nothing else retries. A permanent error is final for the run.
"""

from __future__ import annotations

from datetime import datetime

from marketflows_pipeline.system.printable import escaped


class MarketflowsError(Exception):
    """An error that is shown as one line, without a traceback. Exit code 1: the run failed.

    Whatever the message quotes, its text holds no control characters; a message about several errors has a line for
    each.
    """

    exit_code = 1

    def __str__(self) -> str:
        return "\n".join(map(escaped, super().__str__().split("\n")))


class UserInputError(MarketflowsError):
    """The command line or a file given by the user is wrong. Exit code 2."""

    exit_code = 2


class ProviderError(MarketflowsError):
    """A service gave no usable response. Transient or permanent, as below.

    Attributes:
        provider: short name of the service, such as ``coingecko``.
        status: HTTP status, or None without a response.
        url: URL without any secret.
    """

    def __init__(self, message: str, *, provider: str, status: int | None = None, url: str = "") -> None:
        super().__init__(message)
        self.provider = provider
        self.status = status
        self.url = url


class TransientProviderError(ProviderError):
    """The service failed and the bounded retries are used up; a later run may succeed.

    Attributes:
        come_back_at: when the service accepts requests again (``Retry-After``), or None where it does not say.
    """

    def __init__(
        self,
        message: str,
        *,
        provider: str,
        status: int | None = None,
        url: str = "",
        come_back_at: datetime | None = None,
    ) -> None:
        super().__init__(message, provider=provider, status=status, url=url)
        self.come_back_at = come_back_at


class BadResponseError(TransientProviderError):
    """An unusable response under HTTP 200: empty, an HTML page, truncated, not JSON, an unknown error body."""


class PermanentProviderError(ProviderError):
    """A retry would fail in the same way. Raised as this class or the next two, it is a refusal by the service."""


class NotFoundError(PermanentProviderError):
    """The service does not know the coin, category or page asked for."""


class PlanLimitError(PermanentProviderError):
    """The plan or key does not allow this request (wrong host, missing key, paid-only, older than 365 days)."""


class UnexpectedResponseError(PermanentProviderError):
    """A complete response that is not what the service documents: JSON of another shape, or a CDN's page.

    Not a refusal: it says nothing about the requested coin or fund, so a later run requests it again.
    """


class CreditsExhaustedError(MarketflowsError):
    """The month's credits are used up by our own count, or by the service's. The warehouse can still be queried."""


class WarehouseError(MarketflowsError):
    """A table could not be read or written as its registry entry demands; what was stored is unchanged."""


class ObjectStorageError(MarketflowsError):
    """The S3 service could not be asked, or refused; what is published here is as it was."""


class ObjectMissingError(ObjectStorageError):
    """There is no object of that name."""


class LockLostError(WarehouseError):
    """The connection that held a run's lock has ended; the run stops before its next write, and publishes nothing."""


class RunLockedError(MarketflowsError):
    """Another run holds the run lock and did not finish in time."""


class CoordinationError(MarketflowsError):
    """The database by which hosts share budgets and locks refused, or did not answer for a minute.

    What is stored is as it was, and a later run may succeed.
    """


class CheckFailedError(MarketflowsError):
    """A blocking check failed, so nothing was published."""


class RenderError(MarketflowsError):
    """Some charts could not be drawn; all others were written."""


class TooLittleDataError(MarketflowsError):
    """There are too few sessions, or too few outcomes of one kind, to train on."""


class ModelRefusedError(MarketflowsError):
    """A stored model does not fit this program, or is not the one that was stored."""


class UnsafeFileError(MarketflowsError):
    """Where a file is to be written stands something else: a link, a directory, a file of another user."""


class Stopped(BaseException):
    """What a signal's handler raises to end whatever is going on; no `Exception`, so that nobody retries after it."""


def links_of(error: BaseException) -> list[BaseException]:
    """A fault and all that is behind it, as cause or context, each once."""
    links = [error]
    for link in links:
        links += [inner for inner in (link.__cause__, link.__context__) if inner is not None and inner not in links]
    return links
