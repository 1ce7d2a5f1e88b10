"""What the fake Cboe and FRED promise to those who are tested against them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline_tests.fakes.command_line import running
from marketflows_pipeline_tests.fakes.plain_http import plain_client
from marketflows_pipeline_tests.fakes.volatility.service import FakeCboe

VIX = "/api/global/us_indices/daily_prices/VIX_History.csv"


@pytest.fixture
def web(clock: FixedClock) -> Iterator[httpx.Client]:
    with FakeCboe(clock=clock) as service, plain_client(base_url=service.url, timeout=60.0) as client:
        yield client


def lines(web: httpx.Client, path: str) -> list[str]:
    return web.get(path).text.splitlines()


def test_cboe_writes_american_dates_and_six_decimals(web: httpx.Client) -> None:
    header, first, *_, last = lines(web, VIX)

    assert header == "DATE,OPEN,HIGH,LOW,CLOSE"
    assert first.startswith("01/02/2020,")
    day, *values = last.split(",")
    assert day == "09/17/2026"
    assert [len(value.partition(".")[2]) for value in values] == [6] * 4
    opened, high, low, close = map(float, values)
    assert low <= min(opened, close) <= max(opened, close) <= high


def test_fred_has_every_weekday_and_nothing_on_holidays_a_day_later(web: httpx.Client) -> None:
    header, *rows = lines(web, "/graph/fredgraph.csv?id=VIXCLS")

    assert header == "observation_date,VIXCLS"
    assert rows[0] == "2020-01-02," + f"{float(lines(web, VIX)[1].split(',')[-1]):.2f}"
    assert rows[-1].startswith("2026-09-16,")
    # Labor Day.
    assert "2026-09-07," in rows


def test_the_indices_are_higher_where_prices_are_lower_and_the_shorter_one_moves_more(web: httpx.Client) -> None:
    vix, vix3m = (
        [float(row.split(",")[-1]) for row in lines(web, VIX.replace("VIX", name))[1:]] for name in ("VIX", "VIX3M")
    )

    assert max(vix) - min(vix) > max(vix3m) - min(vix3m)
    assert 0.01 < sum(short > long for short, long in zip(vix, vix3m, strict=True)) / len(vix) < 0.2


@pytest.mark.parametrize(("path", "status"), [(VIX.replace("VIX", "VVIX"), 403), ("/graph/fredgraph.csv?id=NONE", 404)])
def test_an_unknown_file_is_refused(web: httpx.Client, path: str, status: int) -> None:
    assert web.get(path).status_code == status


@pytest.mark.slow
def test_the_day_is_written_in_the_evening_and_copied_the_morning_after(web: httpx.Client, clock: FixedClock) -> None:
    seen = []
    for day, hour in [(18, 21), (18, 22), (19, 11), (19, 12)]:
        clock.set(datetime(2026, 9, day, hour, tzinfo=UTC))
        paths = (VIX, "/graph/fredgraph.csv?id=VIXCLS")
        seen.append(tuple(lines(web, path)[-1].split(",")[0] for path in paths))

    assert seen == [
        ("09/17/2026", "2026-09-17"),
        ("09/18/2026", "2026-09-17"),
        ("09/18/2026", "2026-09-17"),
        ("09/18/2026", "2026-09-18"),
    ]


@pytest.mark.slow
def test_it_runs_as_a_program() -> None:
    with running("volatility") as url:
        assert httpx.get(f"{url}{VIX}").text.startswith("DATE,OPEN")
