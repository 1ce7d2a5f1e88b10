"""Classification of CoinGecko's error bodies, which are undocumented: four shapes, sometimes under HTTP 200."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from marketflows_pipeline.errors import BadResponseError, PlanLimitError, TransientProviderError
from marketflows_pipeline.providers.http.responses import (
    RATE_LIMITED,
    UNQUOTED_STATUSES,
    Classification,
    Response,
    classify_by_status,
    classify_status,
    is_transient_status,
    one_line,
)

PLAN_ADVICE = {
    10002: "the API key is missing or not known: set COINGECKO_API_KEY, or api_key under [coingecko] in secrets.toml",
    10005: "this endpoint is not in the plan of the API key",
    10010: 'the API key is of a paid plan: set plan = "pro" in [providers.coingecko]',
    10011: 'the API key is of the demo plan: set plan = "demo" in [providers.coingecko]',
    10012: "the plan serves the last 365 days only: lower `days`, or use a paid plan",
}
# Requested parameters that may be for paid plans only.
PAID_PARAMETERS = ("interval", "show_max")


@dataclass(frozen=True)
class ServiceError:
    """An error body, of whichever shape.

    The code is CoinGecko's own or an HTTP status, where there is one.
    """

    code: int | None
    message: str

    @property
    def implied_status(self) -> int | None:
        """The HTTP status that the body stands for, whatever status it comes under; None where it does not tell."""
        message = self.message.lower()
        if self.code in PLAN_ADVICE:
            return HTTPStatus.UNAUTHORIZED
        if self.code is not None and HTTPStatus.BAD_REQUEST <= self.code < 600:
            return self.code
        if RATE_LIMITED.search(message):
            return HTTPStatus.TOO_MANY_REQUESTS
        if "not found" in message or "could not find" in message:
            return HTTPStatus.NOT_FOUND
        return None


def _service_error(body: object) -> ServiceError | None:
    match body:
        case {"error": {"status": {}} as nested}:
            return _service_error(nested)
        case {"status": {"error_code": code, **rest}}:
            return ServiceError(_code(code), one_line(str(rest.get("error_message", ""))))
        case {"error": str(message), **rest}:
            return ServiceError(_code(rest.get("status")), one_line(message))
        case {"error": other}:
            return ServiceError(None, one_line(str(other)))
        case _:
            return None


def classify(response: Response) -> Classification | None:
    """Classify a response of CoinGecko; None is a usable one."""
    error = _service_error(response.body_or_none)
    if error is None:
        is_refused = not response.is_foreign and not response.is_rate_limited
        if response.status == HTTPStatus.FORBIDDEN and is_refused:
            return Classification(PlanLimitError, f"HTTP 403, {response.excerpt}; the plan does not include this")
        return classify_by_status(response)
    return _classify_error(response, error)


def _classify_error(response: Response, error: ServiceError) -> Classification:
    """By the body's own code where that and the HTTP status differ."""
    message = f"HTTP {response.status}, {error.message or 'no message'}" + (f" ({error.code})" if error.code else "")
    if UNQUOTED_STATUSES & {response.status, error.implied_status}:
        message = f"HTTP {response.status}" + (f", error code {error.code}" if error.code else "")
        about = [name for name in PAID_PARAMETERS if name in error.message]
        message += f", about `{about[0]}`" if about else ""
    if is_transient_status(response.status):
        return Classification(TransientProviderError, message)
    if error.code in PLAN_ADVICE:
        return Classification(PlanLimitError, f"{PLAN_ADVICE[error.code]} [{message}]")
    implied = error.implied_status
    status = (
        implied if response.is_success or (implied is not None and is_transient_status(implied)) else response.status
    )
    if status is None:
        return Classification(BadResponseError, f"an error body: {message}")
    if status == HTTPStatus.FORBIDDEN:
        return Classification(PlanLimitError, f"{message}; the plan does not include this")
    return classify_status(status, message, is_own=True)


def _code(value: object) -> int | None:
    """A code that is a number, or is written as one."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value[:6])
    return value if isinstance(value, int) and not isinstance(value, bool) else None
