"""The faults this program knows, each with what the user should do next in its message.

Permanent and transient faults of a service are told apart at the edge (providers/http/client.py); nothing above it
retries.
"""

from __future__ import annotations

from datetime import datetime

from marketflows_pipeline.system.printable import escaped


class MarketflowsError(Exception):
    """A fault that is shown as one line, without a traceback. Exit code 1: the run failed.

    Whatever its message quotes, its text has no character that a terminal or a log would act on; where it speaks of
    several faults, each has a line.
    """

    exit_code = 1

    def __str__(self) -> str:
        return "\n".join(map(escaped, super().__str__().split("\n")))


class UserInputError(MarketflowsError):
    """The command line or a file given by the user is wrong. Exit code 2."""

    exit_code = 2


class ProviderError(MarketflowsError):
    """A service did not give a usable answer. Transient or permanent, as below.

    Attributes:
        provider: short name of the service, such as ``coingecko``.
        status: HTTP status, or None where no answer came.
        url: address without any secret.
    """

    def __init__(self, message: str, *, provider: str, status: int | None = None, url: str = "") -> None:
        super().__init__(message)
        self.provider = provider
        self.status = status
        self.url = url


class TransientProviderError(ProviderError):
    """The service failed and the bounded retries are used up; a later run may succeed.

    Attributes:
        come_back_at: when the service asks to be asked again, or None where it does not say so.
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


class BadAnswerError(TransientProviderError):
    """An answer under HTTP 200 that is none: empty, a page for people, cut off, not JSON, an unknown error."""


class PermanentProviderError(ProviderError):
    """Asking again at once is pointless. Raised as it is, or as the two below, the service itself refused."""


class NotFoundError(PermanentProviderError):
    """The service does not know the coin, category or page asked for."""


class PlanLimitError(PermanentProviderError):
    """The plan or key does not allow this request (wrong host, missing key, paid-only, older than 365 days)."""


class UnexpectedResponseError(PermanentProviderError):
    """A whole answer that is not what the service documents: JSON of another shape, or a CDN's page for a refusal.

    It is no refusal: it says nothing about the coin or fund asked for, so a later run asks again.
    """


class CreditsExhaustedError(MarketflowsError):
    """The month's credits are used up; nothing was asked. The warehouse keeps answering."""


class WarehouseError(MarketflowsError):
    """A table could not be read or written as its registry entry demands; what was stored is unchanged."""


class RunLockedError(MarketflowsError):
    """Another run holds the run lock and did not finish in time."""


class CheckFailedError(MarketflowsError):
    """A blocking check failed, so nothing was published."""


class RenderError(MarketflowsError):
    """Some pictures could not be drawn; all others were written."""


class TooLittleDataError(MarketflowsError):
    """There are too few sessions, or too few outcomes of one kind, to train on."""


class ModelRefusedError(MarketflowsError):
    """A stored model does not fit this program, or is not the one that was stored."""


class UnsafeFileError(MarketflowsError):
    """Where a file is to be written stands something else: a link, a directory, a file of another user."""


class Stopped(BaseException):
    """What a signal's handler raises to end whatever is going on; no `Exception`, so that nobody retries after it."""
