"""Classification of CoinPaprika's error bodies: ``{"error": text}``, sometimes where a list is expected.

The plan's refusal of an older history and the end of the month's calls both come under HTTP 402; only the text tells
them apart.
"""

from __future__ import annotations

from http import HTTPStatus

from marketflows_pipeline.errors import (
    BadResponseError,
    NotFoundError,
    PermanentProviderError,
    PlanLimitError,
    TransientProviderError,
)
from marketflows_pipeline.providers.http.responses import (
    UNQUOTED_STATUSES,
    Classification,
    Response,
    classify_by_status,
    one_line,
)

PLAN_REFUSAL = "not allowed in this plan"
REQUEST_LIMIT = "maximum request limit"
NOT_FOUND = "not found"
# The service does not say how long it refuses; clients wait this long.
COOL_DOWN_S = 60.0
KEY_ADVICE = (
    "the API key is missing or not known: set COINPAPRIKA_API_KEY or api_key under [coinpaprika] in secrets.toml, or "
    'plan = "free" in [providers.coinpaprika]'
)
PLAN_ADVICE = "lower `days`, or set a larger `plan`, in [providers.coinpaprika]"
QUOTA_ADVICE = (
    "the quota of this address or key is used up, and an address may be shared with others: try again tomorrow, from "
    "another network, or with an API key"
)


class QuotaError(PermanentProviderError):
    """The service counts no calls left for this address or key; the client raises CreditsExhaustedError of it."""


def classify(response: Response) -> Classification | None:
    """Classify a response of CoinPaprika; None is a usable one."""
    text = _error_text(response.body_or_none)
    if response.status in UNQUOTED_STATUSES:
        return _refused_key(response)
    message = f"HTTP {response.status}, {response.excerpt if text is None else text or 'no message'}"
    if response.status == HTTPStatus.PAYMENT_REQUIRED and PLAN_REFUSAL not in (text or ""):
        return Classification(QuotaError, f"{message}; {QUOTA_ADVICE}")
    if response.status == HTTPStatus.TOO_MANY_REQUESTS:
        return Classification(TransientProviderError, message, cool_down_s=COOL_DOWN_S)
    return classify_by_status(response) if text is None else _classify_text(response, text, message)


def _classify_text(response: Response, text: str, message: str) -> Classification | None:
    """By the words of an error body, which is none of the plan's or quota's own statuses, or comes under HTTP 200."""
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return classify_by_status(response)
    if PLAN_REFUSAL in text:
        return Classification(PlanLimitError, f"{message}; {PLAN_ADVICE}")
    if REQUEST_LIMIT in text:
        return Classification(TransientProviderError, message, cool_down_s=COOL_DOWN_S)
    if not response.is_success:
        return classify_by_status(response)
    if NOT_FOUND in text:
        return Classification(NotFoundError, message)
    return Classification(BadResponseError, f"an error body: {message}")


def _refused_key(response: Response) -> Classification | None:
    """A refusal by the service itself is of the key; a page is the CDN's, which looks at no key."""
    if not response.is_own or response.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return classify_by_status(response)
    return Classification(PlanLimitError, f"HTTP {response.status}; {KEY_ADVICE}")


def _error_text(body: object) -> str | None:
    match body:
        case {"error": error}:
            return one_line(str(error or ""))
        case _:
            return None
