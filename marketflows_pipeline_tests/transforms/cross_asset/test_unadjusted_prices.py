from __future__ import annotations

from datetime import date

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cross_asset.unadjusted_prices import (
    later_splits,
    rebase_to_current_splits,
    unadjusted_close,
)
from marketflows_pipeline_tests.transforms.cross_asset.frames import bars_of, column, day, rows_of, splits_of


def test_a_ten_for_one_split_multiplies_every_close_before_it_by_ten() -> None:
    # traded at 500, 510, then at 52 after the split; the service divides the first two by ten
    bars = bars_of({"A": [50.0, 51.0, 52.0, 53.0]})

    whole = unadjusted_close(bars, splits_of({"A": {day(2): 10.0}}))

    assert column(whole, "as_traded_close_usd") == [500, 510, 52, 53]
    assert whole.drop("as_traded_close_usd").equals(bars.drop("as_traded_close_usd"))


def test_splits_multiply_and_a_reverse_split_divides() -> None:
    bars = bars_of({"A": [12.0, 12.0, 12.0]})

    whole = unadjusted_close(bars, splits_of({"A": {day(1): 3.0, day(2): 0.25}}))

    assert column(whole, "as_traded_close_usd") == [9, 3, 12]


def test_two_splits_on_one_session_both_count() -> None:
    actions = pl.concat([splits_of({"A": {day(1): 2.0}}), splits_of({"A": {day(1): 5.0}})])

    assert column(unadjusted_close(bars_of({"A": [1.0, 1.0]}), actions), "as_traded_close_usd") == [10, 1]


def test_a_split_concerns_its_own_asset_and_a_dividend_none() -> None:
    dividend = {"symbol": "B", "session": day(2), "action": "dividend", "value": 4.0}
    actions = pl.concat([splits_of({"A": {day(2): 10.0}}), rows_of("raw.corporate_actions", dividend)])
    bars = bars_of({"B": [5.0, 5.0, 5.0], "A": [5.0, 5.0, 5.0]})

    assert column(unadjusted_close(bars, actions), "as_traded_close_usd") == [5, 5, 5, 50, 50, 5]


def test_rows_keep_their_order_and_a_bar_without_splits_its_close() -> None:
    bars = bars_of({"B": [1.0, 2.0], "A": [3.0, 4.0]}).reverse()

    whole = unadjusted_close(bars, table("raw.corporate_actions").empty())

    assert whole["as_traded_close_usd"].to_list() == [4, 3, 2, 1]
    assert whole.columns == bars.columns


def test_a_row_without_a_date_knows_all_splits() -> None:
    frame = pl.DataFrame(
        {"symbol": ["A", "A"], "on": [None, date(2020, 1, 1)]}, schema={"symbol": pl.String, "on": pl.Date}
    )

    assert later_splits(frame, splits_of({"A": {day(0): 4.0}}), on="on").to_list() == [1, 4]


def test_bars_of_an_old_basis_come_to_the_present_one_and_stay_what_was_traded() -> None:
    # stored before a ten-for-one split: 500 on the tape then and in the table
    stored = unadjusted_close(bars_of({"A": [500.0, 510.0]}, {"A": [7.0, 9.0]}), splits_of({}))

    present = rebase_to_current_splits(stored, splits_of({"A": {day(2): 10.0}}))

    assert column(present, "close_usd") == [50, 51]
    assert column(present, "as_traded_close_usd") == [500, 510]
    assert column(present, "volume") == [70, 90]


def test_bars_of_the_present_basis_stay_as_they_are() -> None:
    splits = splits_of({"A": {day(1): 10.0}})
    stored = unadjusted_close(bars_of({"A": [50.0, 51.0]}), splits)

    assert rebase_to_current_splits(stored, splits).equals(stored)
