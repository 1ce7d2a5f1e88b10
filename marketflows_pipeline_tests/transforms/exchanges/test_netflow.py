from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.exchanges.netflow import (
    FIRST_RECORD,
    NEVER_BROKEN_DOWN,
    NOT_BROKEN_DOWN,
    NOTHING_KEPT,
    REPEATED_RECORD,
    exchange_netflow,
)
from marketflows_pipeline.transforms.exchanges.token_flows import token_flows
from marketflows_pipeline_tests.examples import at_most
from marketflows_pipeline_tests.transforms.exchanges.wallets import (
    Record,
    balances_of,
    moment,
    on,
    own_tokens_of,
    tvl_of,
)
from marketflows_pipeline_tests.transforms.frames import pick

EXCHANGES = pl.DataFrame(
    [("xchange", "x", "The X", True)],
    schema={"exchange_key": pl.String, "defillama_slug": pl.String, "name": pl.String, "is_tracked": pl.Boolean},
    orient="row",
)
SHARES = pl.DataFrame(schema={"exchange_key": pl.String, "day": pl.Date, "share_pct": pl.Float64})
SNAPSHOTS = pl.DataFrame(
    schema={"slug": pl.String, "day": pl.Date}
    | dict.fromkeys(("inflows_24h_usd", "inflows_1w_usd", "inflows_1m_usd"), pl.Float64)
)
LEFT_OUT = [
    f"left_out_{reason}_usd"
    for reason in ("new", "vanished", "dust", "absurd", "own_token", "unpriced", "negative", "quarantined")
]


def netflow_of(
    records: Mapping[float, Record], tvl: Mapping[float, float] | None = None, own: str | None = None
) -> pl.DataFrame:
    """The table of one exchange, x."""
    flows = token_flows(balances_of({"x": records}), own_tokens_of({"x": own}))
    return exchange_netflow(flows, tvl_of({"x": tvl or {}}), EXCHANGES, SHARES, SNAPSHOTS)


def last(frame: pl.DataFrame) -> dict[str, Any]:
    return frame.tail(1).to_dicts()[0]


# 2 BTC came in at 55,000 (the 10 gained 50,000), 40,000 USDT left, own tokens rose by 100,000, 90,000 of OLD and
# 20,000 of OLDER vanished, 30,000 of NEW appeared, dust fell by 1: all were worth 1,025,005, and are worth 1,165,004.
BEFORE: Record = {
    "BTC": (10, 500_000), "USDT": (240_000, 240_000), "OWN": (100, 175_000), "OLD": (9, 90_000), "OLDER": (2, 20_000),
    "DUST": (1, 5),
}  # fmt: skip
NOW: Record = {
    "BTC": (12, 660_000), "USDT": (200_000, 200_000), "OWN": (110, 275_000), "NEW": (3, 30_000),
    "DUST": (2, 4),
}  # fmt: skip


def test_reserves_without_a_price_are_no_calm() -> None:
    """Everything at 0 USD read "dust, net flow 0, stable"."""
    row = last(netflow_of({0: {"A": (5, 0), "B": (-1, 9)}, 1: {"A": (9, 0), "B": (-2, 9)}}))

    assert (row["netflow_usd"], row["reason"], row["n_tokens_kept"]) == (None, NOTHING_KEPT, 0)
    assert (row["n_tokens_unpriced"], row["n_tokens_negative"], row["left_out_dust_usd"]) == (1, 1, 0)


def test_what_is_counted_on_another_basis_is_counted() -> None:
    """A redenomination is kept, and whoever reads its flow of 0 is told why."""
    row = last(netflow_of({0: {"X": (1e6, 5e7), "A": (1, 1e6)}, 1: {"X": (1e9, 5e7), "A": (2, 2e6)}}))

    assert (row["netflow_mid_usd"], row["n_tokens_rebased"], row["n_tokens_kept"]) == (1e6, 1, 2)
    assert row["n_tokens_quarantined"] == 0


def test_what_is_left_out_is_told_gross_beside_net() -> None:
    """A token of 30 M vanished and another of 30 M was new: "left out 0.0" stood there."""
    before: Record = {"BTC": (1_000, 50e6), "OLD": (9, 30e6)}
    now: Record = {"BTC": (1_000, 50e6), "NEW": (3, 30e6)}

    first, row = netflow_of({0: before, 1: now}).to_dicts()

    assert (row["left_out_usd"], row["left_out_gross_usd"]) == (0, 60e6)
    assert (row["left_out_new_usd"], row["left_out_vanished_usd"]) == (30e6, -30e6)
    assert first["left_out_gross_usd"] is None, "nothing to compare with is not nothing left out"


def test_amounts_of_one_reason_do_not_cancel_either() -> None:
    """Two own tokens, one issued and one burnt, are both left out."""
    before: Record = {"BTC": (1_000, 50e6), "OWN": (100, 5e6), "OWN2": (100, 9e6)}
    now: Record = {"BTC": (1_000, 50e6), "OWN": (200, 10e6), "OWN2": (50, 4e6)}
    row = last(netflow_of({0: before, 1: now}, own="OWN,OWN2"))

    assert (row["left_out_own_token_usd"], row["left_out_gross_usd"]) == (0, 10e6)


def test_flows_price_effects_and_what_is_left_out_are_told_apart_and_explain_the_change_of_reserves() -> None:
    row = last(netflow_of({0: BEFORE, 1: NOW}, tvl={0: 1_025_005, 1: 1_165_004}, own="OWN"))

    assert row["netflow_usd"] == 110_000 - 40_000
    assert row["price_effect_usd"] == 50_000
    # 2 at 52,500, less 40,000; 5,000 for each of 11
    assert (row["netflow_mid_usd"], row["price_effect_mid_usd"]) == (105_000 - 40_000, 55_000)
    assert row["left_out_usd"] == 19_999
    assert row["left_out_gross_usd"] == 30_000 + 110_000 + 1 + 100_000
    assert [row[name] for name in LEFT_OUT] == [30_000, -110_000, -1, 0, 100_000, 0, 0, 0]
    assert row["reserves_usd"] == 1_165_004 == 1_025_005 + 70_000 + 50_000 + 19_999
    assert (row["tvl_usd"], row["tvl_change_usd"]) == (1_165_004, 139_999)
    assert row["identity_gap_pct"] == 0
    assert (row["n_tokens_kept"], row["reason"], row["previous_day"]) == (2, None, on(0))
    assert (row["largest_vanished_usd"], row["largest_vanished_token"]) == (90_000, "OLD")
    assert (row["largest_new_usd"], row["largest_new_token"]) == (30_000, "NEW")
    assert row["coverage_before_pct"] == pytest.approx(100 * 740_000 / 1_025_005)
    assert row["own_token_share_pct"] == pytest.approx(100 * 275_000 / 1_165_004)
    assert row["coverage_pct"] == pytest.approx(100 * 860_000 / 1_165_004)


def test_the_gap_to_the_served_total_is_in_percent_of_the_larger_total() -> None:
    # the total rose by 30,000, the parts say 20,000: 10,000 of 430,000
    row = last(netflow_of({0: {"A": (1, 2e5)}, 1: {"A": (1, 2.2e5)}}, tvl={0: 400_000, 1: 430_000}))

    assert row["identity_gap_pct"] == pytest.approx(100 * 10_000 / 430_000)


def test_without_a_served_total_on_either_day_there_is_no_gap() -> None:
    records: dict[float, Record] = {0: {"A": (1, 2e5)}, 1: {"A": (1, 2.2e5)}}

    totals: tuple[dict[float, float], ...] = ({}, {0: 1e5}, {1: 1e5})
    for tvl in totals:
        row = last(netflow_of(records, tvl=tvl))
        assert (row["tvl_change_usd"], row["identity_gap_pct"], row["netflow_usd"]) == (None, None, 0.0)


def test_a_full_withdrawal_looks_like_wallets_that_are_no_longer_known_and_is_no_flow() -> None:
    gone: Record = {"BTC": (0, 0), "USDT": (0, 0)}
    row = last(netflow_of({0: {"BTC": (10, 5e5), "USDT": (9e4, 9e4)}, 1: gone}, tvl={0: 5.9e5, 1: 0.0}))

    assert (row["netflow_usd"], row["price_effect_usd"], row["reason"]) == (None, None, NOTHING_KEPT)
    assert (row["left_out_usd"], row["left_out_vanished_usd"], row["identity_gap_pct"]) == (-5.9e5, -5.9e5, 0)
    assert (row["largest_vanished_usd"], row["largest_vanished_token"]) == (5e5, "BTC")
    assert (row["reserves_usd"], row["coverage_pct"], row["n_tokens_kept"]) == (0, None, 0)


def test_a_token_renamed_is_left_out_on_both_sides_and_makes_no_flow() -> None:
    row = last(netflow_of({0: {"A": (5, 1e5), "B": (9, 9e5)}, 1: {"A": (5, 1e5), "C": (9, 9e5)}}))

    assert (row["netflow_usd"], row["left_out_new_usd"], row["left_out_vanished_usd"]) == (0.0, 9e5, -9e5)
    assert row["coverage_pct"] == 10


def test_coverage_is_of_the_day_before_too() -> None:
    """60 % of the reserves vanished on one day, and 100 % of what was left was covered."""
    row = last(netflow_of({0: {"A": (4, 4e5), "B": (6, 6e5)}, 1: {"A": (4, 4.1e5)}}))

    assert (row["coverage_pct"], row["coverage_before_pct"]) == (100, 40)


def test_the_first_record_has_reserves_and_no_flow() -> None:
    row = last(netflow_of({0: BEFORE}, tvl={0: 1_025_005}, own="OWN"))

    assert (row["reason"], row["previous_day"]) == (FIRST_RECORD, None)
    assert (row["reserves_usd"], row["tvl_usd"]) == (1_025_005, 1_025_005)
    mid = ("netflow_mid_usd", "price_effect_mid_usd")
    measured = [
        "netflow_usd",
        "price_effect_usd",
        *mid,
        "left_out_usd",
        *LEFT_OUT,
        "identity_gap_pct",
        "coverage_pct",
        "coverage_before_pct",
    ]
    assert {row[name] for name in (*measured, "n_tokens_kept", "tvl_change_usd")} == {None}
    assert row["own_token_share_pct"] == pytest.approx(100 * 175_000 / 1_025_005)


def test_a_day_carried_forward_is_not_measured_and_the_next_one_is() -> None:
    moved: Record = {"A": (12, 1.2e5)}
    frame = netflow_of({0: {"A": (10, 1e5)}, 1: {"A": (10, 1e5)}, 2: moved}, tvl={0: 1e5, 1: 1e5, 2: 1.2e5})

    assert frame["netflow_usd"].to_list() == [None, None, 2e4]
    assert frame["left_out_usd"].to_list() == [None, None, 0.0]
    assert frame["identity_gap_pct"].to_list() == [None, None, 0.0]
    assert frame["reason"].to_list() == [FIRST_RECORD, REPEATED_RECORD, None]


def test_an_exchange_without_tokens_has_its_totals_and_says_so() -> None:
    frame = netflow_of({}, tvl={0: 100.0, 2: 130.0})

    assert frame.select("day", "ts", "previous_day", "tvl_usd", "tvl_change_usd", "netflow_usd").rows() == [
        (on(0), moment(0), None, 100, None, None), (on(2), moment(2), on(0), 130, 30, None),
    ]  # fmt: skip
    assert set(frame["reason"]) == {NEVER_BROKEN_DOWN}
    assert frame["reserves_usd"].null_count() == frame["n_tokens_kept"].null_count() == 2


def test_a_day_without_tokens_says_so_and_the_next_flow_reaches_back_over_it() -> None:
    frame = netflow_of({0: {"A": (10, 1e5)}, 2: {"A": (11, 1.1e5)}}, tvl={0: 1e5, 1: 2e5, 2: 1.1e5})

    assert frame["reason"].to_list() == [FIRST_RECORD, NOT_BROKEN_DOWN, None]
    assert frame["previous_day"].to_list() == [None, on(0), on(0)]
    assert frame["netflow_usd"].to_list() == [None, None, 1e4]
    assert frame["tvl_change_usd"].to_list() == [None, 1e5, 1e4]


def test_an_exchange_without_any_record_has_no_rows_and_one_without_an_entry_goes_by_its_slug() -> None:
    flows = token_flows(balances_of({"stranger": {0: {"A": (10, 1e5)}}}), own_tokens_of({}))

    frame = exchange_netflow(flows, tvl_of({}), EXCHANGES, SHARES, SNAPSHOTS)

    assert frame.select("slug", "exchange_key", "name").rows() == [("stranger", "stranger", "stranger")]


def test_of_two_exchanges_with_one_slug_the_tracked_one_counts() -> None:
    twins = pl.concat([EXCHANGES.with_columns(exchange_key=pl.lit("a"), is_tracked=pl.lit(value=False)), EXCHANGES])

    frame = exchange_netflow(
        token_flows(balances_of({}), own_tokens_of({})), tvl_of({"x": {0: 1}}), twins, SHARES, SNAPSHOTS
    )

    assert frame.select("exchange_key", "name").rows() == [("xchange", "The X")]


def test_the_share_of_volume_and_the_inflows_served_stand_beside_the_flow_of_their_day() -> None:
    flows = token_flows(balances_of({"x": {0: {"A": (1, 1e5)}, 1: {"A": (1, 2e5)}}}), own_tokens_of({}))
    shares = SHARES.vstack(
        pl.DataFrame([("xchange", on(1), 12.5), ("x", on(0), 1.0)], schema=SHARES.schema, orient="row")
    )
    snapshots = SNAPSHOTS.vstack(pl.DataFrame([("x", on(0), -1.0, None, 3.0)], schema=SNAPSHOTS.schema, orient="row"))

    frame = exchange_netflow(flows, tvl_of({}), EXCHANGES, shares, snapshots)

    assert frame["market_share_pct"].to_list() == [None, 12.5]
    served = frame.select(f"defillama_inflow_{span}_usd" for span in ("24h", "1w", "1m"))
    assert served.rows() == [(-1.0, None, 3.0), (None, None, None)]


@pytest.mark.slow
def test_the_share_of_own_tokens_is_unknown_where_none_are_listed_or_one_has_no_value() -> None:
    held: Record = {"OWN": (1, 25_000), "A": (1, 75_000)}

    assert last(netflow_of({0: held}))["own_token_share_pct"] is None
    assert last(netflow_of({0: held}, own="OWN"))["own_token_share_pct"] == 25
    assert last(netflow_of({0: held}, own="OTHER"))["own_token_share_pct"] == 0
    assert last(netflow_of({0: {**held, "OWN": (1, None)}}, own="OWN"))["own_token_share_pct"] is None
    assert last(netflow_of({0: {**held, "OWN": (0, None)}}, own="OWN"))["own_token_share_pct"] == 0


def test_reserves_without_any_value_are_unknown() -> None:
    frame = netflow_of({0: {"A": (1, None)}, 1: {"A": (2, None)}})

    assert frame["reserves_usd"].to_list() == [None, None]
    assert frame["reason"].to_list() == [FIRST_RECORD, NOTHING_KEPT]


def test_exchanges_are_kept_apart() -> None:
    balances = balances_of(
        {"y": {0: {"A": (10, 1e5)}, 1: {"A": (9, 9e4)}}, "x": {0: {"A": (5, 5e4)}, 1: {"A": (6, 6e4)}}}
    )

    frame = exchange_netflow(token_flows(balances, own_tokens_of({})), tvl_of({}), EXCHANGES, SHARES, SNAPSHOTS)

    assert pick(frame, "netflow_usd", slug="x") == [None, 1e4]
    assert pick(frame, "netflow_usd", slug="y") == [None, -1e4]


def test_the_columns_are_those_of_the_registry_and_rows_are_by_key() -> None:
    entry = table("mart.exchange_netflow")

    later = {"first_netflow_mid_usd", "known_at"}
    expected = {name: dtype for name, dtype in entry.polars_schema.items() if name not in later}
    empty = netflow_of({})
    assert empty.is_empty()
    assert empty.schema == expected
    frame = netflow_of({1: NOW, 0: BEFORE}, tvl={3: 1.0, 0: 1.0}, own="OWN")
    assert frame.schema == expected
    assert list(frame.schema) == list(expected)
    assert frame["day"].to_list() == [on(0), on(1), on(3)]
    never_null = [column.name for column in entry.columns if not column.nullable and column.name not in later]
    assert frame.select(never_null).null_count().row(0) == (0,) * len(never_null)


quantities = st.one_of(st.none(), st.just(0.0), st.floats(1.0, 1e6))
holdings = st.tuples(quantities, st.floats(1e-1, 1e4)).map(
    lambda held: (held[0], None if held[0] is None else held[0] * held[1])
)
histories = st.dictionaries(
    st.integers(0, 9), st.dictionaries(st.sampled_from(["A", "B", "C", "OWN"]), holdings, min_size=1), min_size=2
)


@at_most(40)
@given(histories)
def test_flow_price_effect_and_what_is_left_out_add_up_to_the_change_of_reserves(
    history: dict[int, dict[str, tuple[float | None, float | None]]],
) -> None:
    frame = netflow_of(dict(history.items()), own="OWN")
    worth = {on(day): sum(value or 0 for _, value in record.values()) for day, record in history.items()}

    for row in frame.filter(pl.col("left_out_usd").is_not_null()).to_dicts():
        before, now = worth[row["previous_day"]], worth[row["day"]]
        explained = (row["netflow_usd"] or 0) + (row["price_effect_usd"] or 0) + row["left_out_usd"]
        assert explained == pytest.approx(now - before, abs=1e-9 * max(before, now) + 1e-8)
        at_means = (row["netflow_mid_usd"] or 0) + (row["price_effect_mid_usd"] or 0) + row["left_out_usd"]
        assert at_means == pytest.approx(now - before, abs=1e-9 * max(before, now) + 1e-8)
        assert sum(row[name] for name in LEFT_OUT) == pytest.approx(row["left_out_usd"], abs=1e-9 * max(before, now, 1))


@at_most(40)
@given(histories)
def test_a_flow_is_null_exactly_where_a_reason_says_why(
    history: dict[int, dict[str, tuple[float | None, float | None]]],
) -> None:
    frame = netflow_of(dict(history.items()), own="OWN")

    assert (frame["netflow_usd"].is_null() == frame["reason"].is_not_null()).all()
    for name in ("price_effect_usd", "netflow_mid_usd", "price_effect_mid_usd"):
        assert (frame["netflow_usd"].is_null() == frame[name].is_null()).all()
    assert frame["reason"][0] == FIRST_RECORD


amounts = st.tuples(st.floats(1e3, 1e6), st.floats(1e3, 1e6), st.floats(50.0, 1e4), st.floats(50.0, 1e4))


@at_most(40)
@given(st.dictionaries(st.sampled_from(["A", "B", "C"]), amounts, min_size=1), st.floats(1.0, 1e3))
def test_flows_are_in_proportion_to_values(held: dict[str, tuple[float, float, float, float]], factor: float) -> None:
    def scaled(by: float) -> dict[str, Any]:
        before = {token: (q0, q0 * p0 * by) for token, (q0, _, p0, _) in held.items()}
        return last(netflow_of({0: before, 1: {token: (q1, q1 * p1 * by) for token, (_, q1, _, p1) in held.items()}}))

    once, times = scaled(1.0), scaled(factor)
    size = factor * sum(max(q0, q1) * max(p0, p1) for q0, q1, p0, p1 in held.values())
    # Either both count it absurd or both do not, but for a token right at the limit.
    if once["n_tokens_kept"] == times["n_tokens_kept"] and once["netflow_usd"] is not None:
        assert times["netflow_usd"] == pytest.approx(once["netflow_usd"] * factor, abs=1e-9 * size)
        assert times["price_effect_usd"] == pytest.approx(once["price_effect_usd"] * factor, abs=1e-9 * size)
