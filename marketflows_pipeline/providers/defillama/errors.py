"""Classification of DefiLlama's responses, whose errors are lines of text under whatever status."""

from __future__ import annotations

from http import HTTPStatus

from marketflows_pipeline.errors import (
    BadResponseError,
    NotFoundError,
    PlanLimitError,
    ProviderError,
    TransientProviderError,
    UnexpectedResponseError,
)
from marketflows_pipeline.providers.http.responses import (
    Classification,
    Response,
    classify_by_status,
    is_transient_status,
    not_data,
)

# Beginnings of error texts, in lower case.
ERROR_TEXTS: tuple[tuple[str, type[ProviderError], str], ...] = (
    ("protocol not found", NotFoundError, ""),
    ("data not found", NotFoundError, ""),
    ("no data", NotFoundError, ""),
    ("upgrade to the paid", PlanLimitError, "the free service no longer serves this, only a paid plan does"),
    ("internal", TransientProviderError, ""),
)
BLOCKED = "the service's CDN refuses this machine's address, as it does with many cloud hosts: use another network"


def classify(response: Response) -> Classification | None:
    """Classify a response of DefiLlama; None is a usable one."""
    message = f"HTTP {response.status}, {response.excerpt}"
    if is_transient_status(response.status):
        return Classification(TransientProviderError, message)
    text = response.content[:64].strip().lower()
    # Before the status: the texts may come labelled as HTML.
    if known := next((known for known in ERROR_TEXTS if text.startswith(known[0].encode())), None):
        _, kind, advice = known
        return Classification(kind, f"{message}; {advice}" if advice else message)
    if not response.is_success or response.is_html or not response.content.strip():
        return _by_status(response)
    if not (text.startswith((b"{", b"[")) and response.content[-64:].rstrip().endswith((b"}", b"]"))):
        return Classification(BadResponseError, f"{message.removesuffix('…')}: truncated or not JSON")
    return None


def _by_status(response: Response) -> Classification | None:
    if response.status == HTTPStatus.PAYMENT_REQUIRED and not response.is_foreign:
        return Classification(PlanLimitError, f"HTTP 402, {response.excerpt}; only a paid plan is served this")
    if response.status == HTTPStatus.FORBIDDEN and response.is_foreign:
        return Classification(UnexpectedResponseError, f"HTTP 403, {response.excerpt}; {BLOCKED}")
    return classify_by_status(response) or not_data(response)
