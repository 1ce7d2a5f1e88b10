from __future__ import annotations

import math

import polars as pl
import pytest

from marketflows_pipeline.models.labels import labels
from marketflows_pipeline_tests.models.made_up import weekdays

DAYS = weekdays(6)


def closes(**prices: list[float | None]) -> pl.DataFrame:
    return pl.concat(
        pl.DataFrame({"symbol": [symbol] * len(values), "session": DAYS[: len(values)], "close_usd": values})
        for symbol, values in prices.items()
    ).filter(pl.col("close_usd").is_not_null())


def test_direction_looks_at_the_close_h_sessions_ahead_and_the_last_h_have_none() -> None:
    found = labels(closes(SPY=[100.0, 90.0, 101.0, 90.0]), horizon=2, target="direction")

    assert found.select("session", "label_end", "label").rows() == [(DAYS[0], DAYS[2], 1), (DAYS[1], DAYS[3], 0)]
    assert found.get_column("forward_return").to_list() == pytest.approx([math.log(1.01), 0.0])


def test_a_close_that_is_the_same_is_no_rise() -> None:
    assert labels(closes(SPY=[100.0, 100.0]), horizon=1, target="direction").get_column("label").to_list() == [0]


def test_sessions_are_the_asset_s_own() -> None:
    # BTC has no second session: its label one ahead ends at the third
    found = labels(closes(BTC=[100.0, None, 110.0]), horizon=1, target="direction")

    assert found.select("session", "label_end", "label").rows() == [(DAYS[0], DAYS[2], 1)]


def test_rank_is_being_above_the_median_of_the_session() -> None:
    # returns +10 %, +5 %, -5 %, -10 %: the median is 0; with a fifth of +20 % it is +5 %, and +5 % is not above it
    four = closes(A=[100.0, 110.0], B=[100.0, 105.0], C=[100.0, 95.0], D=[100.0, 90.0])
    five = pl.concat([four, closes(E=[100.0, 120.0])])

    assert dict(labels(four, horizon=1, target="rank").select("symbol", "label").iter_rows()) == {
        "A": 1,
        "B": 1,
        "C": 0,
        "D": 0,
    }
    assert labels(five, horizon=1, target="rank").get_column("label").to_list() == [1, 0, 0, 0, 1]


def test_rank_drops_sessions_with_fewer_than_four_assets() -> None:
    three = closes(A=[100.0, 110.0, 111.0], B=[100.0, 105.0, 1.0], C=[100.0, 95.0, 1.0], D=[100.0, 90.0])

    assert set(labels(three, horizon=1, target="rank").get_column("session")) == {DAYS[0]}


def test_a_rank_is_known_when_the_last_of_its_assets_is() -> None:
    found = labels(
        closes(A=[1.0, 2.0, 3.0], B=[1.0, 2.0, 3.0], C=[1.0, 2.0, 3.0], D=[1.0, None, 3.0]), horizon=1, target="rank"
    )

    assert set(found.filter(pl.col("session") == DAYS[0]).get_column("label_end")) == {DAYS[2]}
