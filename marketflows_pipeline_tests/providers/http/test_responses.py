from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.errors import (
    BadResponseError,
    NotFoundError,
    PermanentProviderError,
    PlanLimitError,
    TransientProviderError,
    UnexpectedResponseError,
)
from marketflows_pipeline.providers.coingecko.errors import classify as coingecko
from marketflows_pipeline.providers.defillama.errors import classify as defillama
from marketflows_pipeline.providers.fund_issuers.issuer import classify as issuer
from marketflows_pipeline.providers.http.responses import (
    Classifier,
    Response,
    classify_by_status,
    classify_file,
    not_data,
    not_json,
)
from marketflows_pipeline.providers.http.retry import requested_wait
from marketflows_pipeline.providers.yahoo.errors import classify as yahoo

NOW = datetime(2026, 3, 9, 3, 26, 1, tzinfo=UTC)


def answer(status: int, body: str = "{}", content_type: str = "application/json") -> Response:
    return Response(status, {"content-type": content_type}, body.encode())


JUDGES = [classify_by_status, classify_file, coingecko, defillama, yahoo, issuer]
PASSING = [408, 425, 429, *range(500, 600)]
BODIES = [
    "",
    "{}",
    "error code: 520",
    "<!DOCTYPE html><title>Web server is returning an unknown error</title>",
    '{"status": {"error_code": 520, "error_message": "no"}}',
    '{"error": "coin not found"}',
    "Protocol not found",
    '{"chart": {"result": null, "error": {"code": "Not Found", "description": "no data"}}}',
]


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("body", BODIES)
def test_every_service_in_trouble_is_worth_asking_again_whatever_it_says(judge: Classifier, body: str) -> None:
    """A 520 from the CDN once marked bitcoin refused for a day."""
    kinds = {status: getattr(judge(answer(status, body)), "kind", None) for status in PASSING}

    assert kinds == dict.fromkeys(PASSING, TransientProviderError)


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize(
    "body",
    [
        "<!DOCTYPE html><title>Just a moment...</title>",
        "<html><head><title>Attention Required! | Cloudflare</title></head></html>",
        "error code: 1020",
    ],
)
def test_what_a_cdn_says_in_place_of_the_service_is_no_refusal(judge: Classifier, body: str) -> None:
    """A challenge page under 403 rested ten coins for a day, though none of them had been looked at."""
    statuses = [301, 400, 401, 402, 403, 404, 405, 407, 410, 418, 451, 600, 999]
    kinds = {status: getattr(judge(answer(status, body, "text/html")), "kind", None) for status in statuses}

    assert kinds == dict.fromkeys(statuses, UnexpectedResponseError)


@pytest.mark.parametrize("judge", [classify_by_status, coingecko, defillama, yahoo])
def test_a_page_under_404_of_a_service_of_json_is_not_its_word_and_one_of_a_host_of_files_is(judge: Classifier) -> None:
    page = answer(404, "<html><title>404 Not Found</title></html>", "text/html")

    kinds = [getattr(each(page), "kind", None) for each in (judge, classify_file, issuer)]

    assert kinds == [UnexpectedResponseError, NotFoundError, NotFoundError]


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize(
    "body",
    [
        "Too Many Requests",
        '{"error": "rate limit exceeded"}',
        '{"status": {"error_code": 429, "error_message": "You\'ve exceeded the Rate Limit."}}',
        '{"message": "Request throttled"}',
        '"rate-limited"',
    ],
)
def test_to_be_asked_too_often_passes_whatever_status_it_is_told_under(judge: Classifier, body: str) -> None:
    """`Too Many Requests` under 200 was read as a file without a header, and never asked for again."""
    answers = {status: answer(status, body, "text/plain") for status in (200, 400, 403)}
    faults = {status: judge(each) or not_json(each) for status, each in answers.items()}

    assert {status for status, fault in faults.items() if fault is not None and fault.is_transient} == {*answers}


def test_data_that_speaks_of_limits_is_data() -> None:
    assert not_data(answer(200, '[{"id": "throttle", "name": "Rate Limit Coin"}]')) is None
    assert not_data(answer(200, '{"name": "Rate Limit Coin"}')) is None
    assert not_data(answer(200, '{"status": "ok", "rows": [' + '"rate limit",' * 999 + "1]}")) is None


def test_json_nested_beyond_measure_is_bad_and_not_a_traceback() -> None:
    fault = not_json(answer(200, "[" * 200_000))

    assert fault is not None
    assert fault.kind is BadResponseError


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
    assert "HTTP 403, an HTML page; the service's CDN refused" in fault.message
    assert "run from another network" in fault.message


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("<html><title>Just a moment...</title>", "HTML page 'Just a moment...'"),
        ("  <!doctype HTML>", "HTML page"),
        ('{"prices": [[1, 2], [3', "truncated or not JSON"),
        ("", "empty response"),
        (" \n", "empty response"),
        ("upstream error", "truncated or not JSON: upstream error"),
    ],
)
def test_what_is_not_whole_json_is_a_bad_answer_under_any_label(body: str, what: str) -> None:
    fault = not_json(answer(200, body))

    assert fault is not None
    assert fault.kind is BadResponseError
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


@pytest.mark.parametrize(
    "value",
    [
        "9" * 5000 + "x",
        "-5",
        "NaN",
        "Infinity",
        "1e400",
        "٣٣٣",
        "Fri, 31 Dec 99999 23:59:59 GMT",
        "Fri, 31 Dec 2026 23:59:59 +99999999",
        "Fri, 99 Dec 2026 99:99:99 GMT",
        "Mon, 01 Jan 0001 00:00:00 +2359",
        ",,,",
        "(" * 500,
        "\x00",
    ],
)
@pytest.mark.parametrize("header", ["retry-after", "x-ratelimit-reset"])
def test_a_wait_that_cannot_be_read_is_none(header: str, value: str) -> None:
    """A wait in Arabic digits was taken as one, and one of 400 digits was an OverflowError."""
    assert requested_wait({header: value}, datetime(2026, 9, 18, tzinfo=UTC)) is None


@given(st.text(max_size=60))
def test_no_header_whatever_it_says_is_a_fault_of_ours(value: str) -> None:
    for header in ("retry-after", "x-ratelimit-reset"):
        wait = requested_wait({header: value}, datetime(2026, 9, 18, tzinfo=UTC))
        assert wait is None or 0 < wait <= 366 * 86_400


def test_the_longest_wait_is_a_year() -> None:
    assert requested_wait({"retry-after": "9" * 5000}, datetime(2026, 9, 18, tzinfo=UTC)) == 366 * 86_400


def test_a_number_of_thousands_of_digits_is_another_shape_and_not_cut_off_json() -> None:
    """Python refuses to read it, and the same whole answer was asked for eight times."""
    fault = not_json(answer(200, '{"market_cap": ' + "9" * 5000 + "}"))

    assert fault is not None
    assert fault.kind is UnexpectedResponseError
    assert fault.message == "a response of an unexpected shape: a number of thousands of digits"


@pytest.mark.parametrize("status", [401, 403, 407])
def test_of_a_refused_key_no_word_is_quoted(status: int) -> None:
    """The service may repeat the key in any form beside its refusal."""
    for content in ("the key Q0ctYWJj is not known", "<html><title>Q0ctYWJj</title>", '{"error": "Q0ctYWJj"}'):
        said = classify_by_status(answer(status, content))
        assert said is not None
        assert "Q0ct" not in said.message
        assert f"HTTP {status}" in said.message
