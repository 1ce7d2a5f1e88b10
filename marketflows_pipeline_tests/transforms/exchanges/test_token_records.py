"""Which records of an exchange's reserves are compared with which."""

from __future__ import annotations

import polars as pl
import pytest

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.exchanges.token_flows import daily_records, token_flows
from marketflows_pipeline_tests.transforms.exchanges.wallets import (
    NOBODY,
    Holding,
    Record,
    balances_of,
    moment,
    on,
    own_tokens_of,
    parts,
    tvl_of,
)


def test_a_token_that_comes_back_after_a_day_away_is_new_again() -> None:
    cash = {0: 1e6, 1: 2e6, 2: 3e6, 3: 4e6}
    records: dict[float, Record] = {day: {"CASH": (usd, usd)} for day, usd in cash.items()}
    records[0] = {**records[0], "A": (1.0, 50_000.0)}
    records[3] = {**records[3], "A": (1.0, 50_000.0)}

    flows = token_flows(balances_of({"x": records}), NOBODY).filter(token="A")

    assert flows.select("day", "reason").rows() == [(on(0), None), (on(1), "vanished"), (on(3), "new")]


def test_after_a_missing_day_the_record_before_the_gap_is_compared_with() -> None:
    balances = balances_of({"x": {0: {"BTC": (10, 500_000)}, 3: {"BTC": (12, 600_000)}}})

    flows = token_flows(balances, NOBODY)

    assert flows.select("day", "previous_day", "flow_usd").rows() == [(on(0), None, None), (on(3), on(0), 100_000)]


def test_the_first_record_has_nothing_to_compare_with_and_so_neither_flow_nor_reason() -> None:
    (row,) = token_flows(balances_of({"x": {0: {"BTC": (10, 500_000)}}}), NOBODY).to_dicts()

    assert parts(row) == (None, None, None, None, None)
    assert (row["previous_day"], row["is_repeated"], row["value_usd"]) == (None, False, 500_000)


def test_a_record_equal_to_the_one_before_was_carried_forward_and_measures_nothing() -> None:
    held = {"BTC": (10.0, 500_000.0), "ODD": (None, 20_000.0)}
    moved = {"BTC": (11.0, 550_000.0), "ODD": (None, 20_000.0)}
    flows = token_flows(balances_of({"x": {0: held, 1: held, 2: moved}}), NOBODY)

    repeated = flows.filter(day=on(1))
    assert repeated["is_repeated"].to_list() == [True, True]
    assert [parts(row) for row in repeated.to_dicts()] == [(None,) * 5] * 2
    assert flows.filter(day=on(2))["is_repeated"].to_list() == [False, False]
    assert flows.filter(day=on(2))["flow_usd"].to_list() == [50_000, None]


def test_a_record_with_a_token_more_or_less_is_no_repetition() -> None:
    one, two = {"A": (1.0, 20_000.0)}, {"A": (1.0, 20_000.0), "B": (None, None)}

    assert not token_flows(balances_of({"x": {0: one, 1: two, 2: one}}), NOBODY)["is_repeated"].any()


@pytest.mark.parametrize(("before", "now"), [((None, 2e4), (1.0, 2e4)), ((1.0, 2e4), (1.0, None))])
def test_a_figure_that_came_or_went_is_no_repetition(before: Holding, now: Holding) -> None:
    held = {"B": (1.0, 5e4)}

    assert not token_flows(balances_of({"x": {0: {**held, "A": before}, 1: {**held, "A": now}}}), NOBODY)[
        "is_repeated"
    ].any()


def test_exchanges_are_not_compared_with_each_other() -> None:
    flows = token_flows(balances_of({"b": {0: {"BTC": (9, 9e5)}}, "a": {5: {"BTC": (1, 1e5)}}}), NOBODY)

    assert flows.select("slug", "quantity_before", "quantity").rows() == [("a", None, 1), ("b", None, 9)]


def test_own_tokens_are_unknown_where_none_are_listed() -> None:
    holds: dict[float, Record] = {0: {"BNB": (1.0, 6e5), "USD": (1.0, 6e5)}}
    balances = balances_of(dict.fromkeys(("absent", "blank", "listed", "null"), holds))

    flows = token_flows(balances, own_tokens_of({"null": None, "blank": " ", "listed": "BNB"}))

    assert flows.select("slug", "token", "is_own_token").rows() == [
        ("absent", "BNB", None), ("absent", "USD", None),
        ("blank", "BNB", None), ("blank", "USD", None),
        ("listed", "BNB", True), ("listed", "USD", False),
        ("null", "BNB", None), ("null", "USD", None),
    ]  # fmt: skip


def test_own_tokens_listed_twice_for_one_exchange_double_no_row() -> None:
    twice = pl.DataFrame({"slug": ["x", "x"], "own_tokens": ["BNB", "BNB"]})

    assert token_flows(balances_of({"x": {0: {"BNB": (1, 1)}}}), twice).height == 1


def test_a_days_record_is_the_one_nearest_its_midnight_but_never_the_moment_of_asking() -> None:
    totals = tvl_of({"x": {0.9: 3.0, 0.001: 1.0, 0.2: 2.0, 2: 5.0, 2.9999: 6.0}, "a": {7: 9.0}})
    asked = totals.with_columns(pl.lit(moment(3.5)).cast(pl.Datetime("us", "UTC")).alias("ts"), is_now=pl.lit(True))

    assert daily_records(pl.concat([asked, totals])).rows() == [
        ("a", on(7), moment(7), None), ("x", on(0), moment(0.001), None), ("x", on(1), moment(0.9), on(0)),
        ("x", on(2), moment(2), on(1)), ("x", on(3), moment(2.9999), on(2)),
    ]  # fmt: skip


def test_balances_of_the_moment_of_asking_and_of_later_the_same_day_are_passed_over() -> None:
    balances = balances_of({"x": {0: {"A": (1, 20_000)}, 0.5: {"A": (7, 140_000), "B": (1, 1)}, 1: {"A": (2, 40_000)}}})
    # One question was asked at the very midnight and found a token that the daily record does not have.
    asked = balances_of({"x": {1.4: {"A": (9, 180_000)}, 1: {"C": (1, 1)}}}).with_columns(is_now=pl.lit(value=True))

    flows = token_flows(pl.concat([balances, asked]), NOBODY)

    assert flows.select("token", "ts", "quantity").rows() == [("A", moment(0), 1), ("A", moment(1), 2)]


def test_the_columns_are_those_of_the_registry_and_some_more_and_rows_are_by_key() -> None:
    entry = table("mart.exchange_token_flows")
    day = {"WETH": (1.0, 2.0), "BTC": (1.0, 2.0)}
    balances = balances_of({"y": {1: day, 0: day}, "x": {2: day}})

    for frame in (balances, balances.clear()):
        flows = token_flows(frame, NOBODY)
        assert flows.select(entry.column_names).schema == entry.polars_schema
        assert flows.columns == [*entry.column_names, "ts", "previous_day", "is_repeated", "is_own_token"]
        assert flows.select(entry.key).rows() == sorted(set(flows.select(entry.key).rows()))
    assert token_flows(balances.sample(fraction=1, shuffle=True, seed=5), NOBODY).equals(token_flows(balances, NOBODY))
