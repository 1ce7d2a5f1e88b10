from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.errors import (
    BadAnswerError,
    NotFoundError,
    PermanentProviderError,
    PlanLimitError,
    TransientProviderError,
)
from marketflows_pipeline.providers.faults import Answer, classify_by_status, not_data, not_json, requested_wait

NOW = datetime(2026, 3, 9, 3, 26, 1, tzinfo=UTC)


def answer(status: int, body: str = "{}", content_type: str = "application/json") -> Answer:
    return Answer(status, {"content-type": content_type}, body.encode())


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_service_in_trouble_is_worth_asking_again(status: int) -> None:
    fault = classify_by_status(answer(status))

    assert fault is not None
    assert fault.kind is TransientProviderError
    assert fault.is_transient


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, PermanentProviderError),
        (401, PlanLimitError),
        (402, PlanLimitError),
        (403, PermanentProviderError),
        (404, NotFoundError),
        (410, PermanentProviderError),
    ],
)
def test_a_refusal_is_not_worth_asking_again(status: int, kind: type[PermanentProviderError]) -> None:
    fault = classify_by_status(answer(status))

    assert fault is not None
    assert fault.kind is kind
    assert not fault.is_transient


def test_a_good_answer_is_no_fault() -> None:
    good = answer(200, '{"prices": []}')

    assert classify_by_status(good) is None
    assert not_json(good) is None


def test_a_page_of_the_cdn_under_403_says_that_the_address_is_refused_not_the_key() -> None:
    page = answer(403, "<!DOCTYPE html><title>Attention Required! | Cloudflare</title>", "text/html")

    fault = classify_by_status(page)

    assert fault is not None
    assert "Attention Required! | Cloudflare" in fault.message
    assert "run from another network" in fault.message


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("<html><title>Just a moment...</title>", "HTML page 'Just a moment...'"),
        ("  <!doctype HTML>", "HTML page"),
        ('{"prices": [[1, 2], [3', "cut off or not JSON"),
        ("", "empty answer"),
        (" \n", "empty answer"),
        ("upstream error", "cut off or not JSON: upstream error"),
    ],
)
def test_what_is_not_whole_json_is_a_bad_answer_under_any_label(body: str, what: str) -> None:
    fault = not_json(answer(200, body))

    assert fault is not None
    assert fault.kind is BadAnswerError
    assert what in fault.message


def test_text_is_data_unless_it_is_empty_or_a_page() -> None:
    assert not_data(answer(200, "Date,Close\n2026-01-02,17.1\n", "text/csv")) is None
    assert not_data(answer(200, "<html>", "text/csv")) is not None
    assert not_data(answer(200, "Date,Close", "text/html")) is not None


def test_retry_after_is_honoured_however_long() -> None:
    assert requested_wait({"retry-after": "119"}, NOW) == 119
    assert requested_wait({"retry-after": " 3600 "}, NOW) == 3600


def test_retry_after_may_be_a_date() -> None:
    assert requested_wait({"retry-after": "Mon, 09 Mar 2026 03:28:00 GMT"}, NOW) == 119


def test_the_reset_time_counts_where_retry_after_is_missing_or_illegible() -> None:
    reset = {"x-ratelimit-reset": "2026-03-09 03:28:00 +0000"}

    assert requested_wait(reset, NOW) == 119
    assert requested_wait({"retry-after": "soon", **reset}, NOW) == 119
    assert requested_wait({"retry-after": "30", **reset}, NOW) == 30


def test_the_reset_time_carries_its_own_offset() -> None:
    assert requested_wait({"x-ratelimit-reset": "2026-03-09 05:28:00 +0200"}, NOW) == 119


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"retry-after": "soon"},
        {"retry-after": ""},
        {"retry-after": "-5"},
        {"retry-after": "0"},
        {"retry-after": "Mon, 09 Mar 2020 03:28:00 GMT"},
        {"x-ratelimit-reset": "2020-03-09 03:28:00 +0000"},
        {"x-ratelimit-reset": "1773027960"},
    ],
)
def test_no_legible_wait_in_the_future_is_no_request_to_wait(headers: dict[str, str]) -> None:
    assert requested_wait(headers, NOW) is None


@given(st.integers(min_value=1, max_value=100_000))
def test_all_three_ways_to_ask_for_a_wait_mean_the_same(seconds: int) -> None:
    until = NOW + timedelta(seconds=seconds)

    assert (
        requested_wait({"retry-after": str(seconds)}, NOW)
        == requested_wait({"retry-after": format_datetime(until, usegmt=True)}, NOW)
        == requested_wait({"x-ratelimit-reset": f"{until:%Y-%m-%d %H:%M:%S %z}"}, NOW)
        == seconds
    )
