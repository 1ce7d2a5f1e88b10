"""What one unit of a token is worth in reserves: changes of basis, and values that cannot be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl
import pytest

from marketflows_pipeline.transforms.exchanges.reserve_prices import faulty_prices, is_jump, is_rebased
from marketflows_pipeline.tutorial.exchange_provider import EXCHANGES_FOLDER
from marketflows_pipeline_tests.transforms.exchanges.wallets import FIRST, Record, balances_of, moment

NO_MARKET = pl.DataFrame(schema={"token": pl.String, "ts": pl.Datetime("us", "UTC"), "price_usd": pl.Float64})


def path_of(prices: Sequence[float], quantities: Sequence[float] | None = None, slug: str = "x") -> pl.DataFrame:
    """Records of X, a day apart."""
    held = quantities or [1e6] * len(prices)
    rows: dict[float, Record] = {day: {"X": (held[day], held[day] * price)} for day, price in enumerate(prices)}
    return balances_of({slug: rows})


def market_of(prices: Mapping[float, float], token: str = "X") -> pl.DataFrame:
    rows = [(token, moment(day), price) for day, price in prices.items()]
    return pl.DataFrame(rows, schema=NO_MARKET.schema, orient="row")


def faults(balances: pl.DataFrame, market: pl.DataFrame = NO_MARKET) -> list[int]:
    """Days at fault."""
    return [(row["ts"] - FIRST).days for row in faulty_prices(balances, market).to_dicts()]


def test_a_jump_is_beyond_five_times_up_or_down() -> None:
    ratios = pl.DataFrame({"ratio": [5.0, 5.01, 0.2, 0.199, 1.0, None]})

    assert ratios.select(is_jump(pl.col("ratio")))["ratio"].to_list() == [False, True, False, True, False, None]


@pytest.mark.parametrize(
    ("quantity", "value", "market", "expected"),
    [
        (1000.0, 1.05, None, True), (1000.0, 1.0501, None, None), (1000.0, 0.95, None, True),
        (1000.0, 1.0501, 1.0, False), (1000.0, 1.0501, 1.0001, True), (1000.0, 0.9499, 1.0, False),
        (5.0, 1.0, None, False), (5.3, 1.05, None, True), (0.1, 1.0, 2.0, True), (0.1, 2.0, 2.0, True),
    ],
)  # fmt: skip
def test_jumps_of_price_and_quantity_cancel_within_five_percent(
    quantity: float, value: float, market: float | None, expected: bool | None
) -> None:
    """Beyond that something moved, and nobody can part it from the change of basis."""
    ratios = pl.DataFrame(
        {"quantity": quantity, "value": value, "market": market}, schema_overrides={"market": pl.Float64}
    )

    assert ratios.select(is_rebased(pl.col("quantity"), pl.col("value"), pl.col("market"))).item() is expected


def test_a_price_of_one_day_is_at_fault_and_its_neighbours_are_not() -> None:
    """A price x 100 for a day valued 0.3 M that came in at 30 M."""
    balances = path_of([3.0, 3.1, 300.0, 3.0, 3.1], [1e6, 1e6, 1.1e6, 1.1e6, 1.1e6])

    assert faults(balances) == [2]
    (row,) = faulty_prices(balances, NO_MARKET).to_dicts()
    assert (row["column_name"], row["reason"]) == (
        "value_usd",
        "one unit is worth 300.0 USD after 3.1: expected within 5 times",
    )


def test_a_glitch_that_comes_again_is_at_fault_again() -> None:
    """Two days on, the same wrong price passed for a return to the one that had been left out."""
    assert faults(path_of([3.0, 300.0, 3.0, 300.0, 3.0])) == [1, 3]
    assert faults(path_of([3.0, 3.0, 300.0, 3.1, 310.0, 3.0, 305.0, 3.0, 3.0])) == [2, 4, 6]


@pytest.mark.parametrize("factor", [100.0, 0.01])
def test_the_newest_price_waits_for_the_next_record(factor: float) -> None:
    """A jump of today is either a glitch or the market, and only tomorrow's record can tell."""
    assert faults(path_of([3.0, 3.0, 3.0 * factor])) == [2]
    assert faults(path_of([3.0, 3.0, 3.0 * factor, 3.2 * factor])) == []
    assert faults(path_of([3.0, 3.0, 3.0 * factor, 2.8 * factor])) == []
    assert faults(path_of([3.0, 3.0, 3.0 * factor, 3.0])) == [2]


def test_a_market_that_fell_as_far_confirms_at_once() -> None:
    """A coin lost 99 % in a day, at the exchange and on the market alike."""
    market = market_of({0: 3.0, 1: 3.0, 2: 0.03})

    assert faults(path_of([3.0, 3.0, 0.03]), market) == []


def test_beside_a_known_market_a_glitch_of_several_days_is_at_fault_throughout() -> None:
    """The second day of a wrong price agrees with the first, and would confirm it."""
    market = market_of(dict.fromkeys(range(6), 3.0))
    balances = path_of([3.0, 3.0, 300.0, 300.0, 3.0, 3.0])

    assert faults(balances, market) == [2, 3]
    assert faulty_prices(balances, market)["reason"][0] == (
        "one unit is worth 300.0 USD, at the market 3.0: expected within 5 times"
    )


def test_a_token_below_its_market_is_judged_by_it_all_the_same() -> None:
    market = market_of(dict.fromkeys(range(6), 3.0))

    assert faults(path_of([1.0, 0.99, 99.0, 98.0, 1.0, 0.98]), market) == [2, 3]


def test_beside_a_market_in_the_old_unit_prices_in_the_new_one_are_judged_by_it() -> None:
    """The market's price came with the redenomination itself, so that nothing tells whether it took part in it."""
    prices, held = [3.0, 3.0, 0.003, 0.003, 0.003, 0.3, 0.3], [1e6, 1e6, 1e9, 1e9, 1e9, 1e9, 1e9]

    assert faults(path_of(prices, held), market_of(dict.fromkeys(range(2, 7), 3.0))) == [5, 6]


def test_beside_a_known_market_the_first_record_is_judged_too() -> None:
    assert faults(path_of([300.0, 3.0, 3.0, 3.0]), market_of(dict.fromkeys(range(4), 3.0))) == [0]


def test_a_deposit_beside_a_known_market_is_no_change_of_basis() -> None:
    """Nine times the quantity at the same price was taken for another unit, and each for nine of the market's."""
    market = market_of(dict.fromkeys(range(5), 3.0))

    assert faults(path_of([3.0] * 5, [1e6, 1e6, 1e6, 9e6, 9e6]), market) == []


@pytest.mark.parametrize(("age", "expected"), [(26, [3, 4]), (27, [3])])
def test_a_market_price_counts_for_26_hours(age: int, expected: list[int]) -> None:
    """Beyond that the record stands alone, and the second day of a wrong price confirms the first."""
    market = market_of({0: 3.0, 1: 3.0, 2: 3.0, 4 - age / 24: 3.0})

    assert faults(path_of([3.0, 3.0, 3.0, 300.0, 300.0]), market) == expected


def test_where_the_market_is_no_longer_known_records_are_judged_by_themselves() -> None:
    assert faults(path_of([3.0] * 4 + [300.0, 3.0]), market_of({0: 3.0, 1: 3.0})) == [4]


def test_another_coin_of_the_same_symbol_is_no_market() -> None:
    market = market_of(dict.fromkeys(range(5), 0.001))

    assert faults(path_of([3.0, 3.0, 3.0, 3.0, 3.0]), market) == []
    assert faults(path_of([3.0, 3.0, 300.0, 3.0, 3.0]), market) == [2]
    # A level that lasts is confirmed by the next record, whatever the other coin is worth.
    assert faults(path_of([3.0, 3.0, 300.0, 300.0, 300.0]), market) == []


@pytest.mark.parametrize("old_market", [True, False])
def test_a_redenomination_is_no_fault(old_market: bool) -> None:
    """A thousand times the quantity at a thousandth of the price, for good."""
    prices, quantities = [3.0, 3.0, 0.003, 0.003], [1e6, 1e6, 1e9, 1e9]

    assert faults(path_of(prices, quantities)) == []
    market = [3.0] * 4 if old_market else prices
    assert faults(path_of(prices, quantities), market_of(dict(enumerate(market)))) == []


def test_jumps_that_do_not_cancel_are_at_fault_though_the_next_record_agrees() -> None:
    """1,200 times the quantity at a thousandth of the price is a change of basis and a flow that nobody can part."""
    assert faults(path_of([3.0, 3.0, 0.003, 0.003], [1e6, 1e6, 1.2e9, 1.2e9])) == [2]


def test_jumps_cancel_beside_what_the_market_did_elsewhere() -> None:
    """DOGE was counted a thousand times too small on a day on which it rose by 8 %."""
    others = [path_of([3.0, 3.0, 3.24, 3.24], slug=slug) for slug in ("a", "b", "c")]
    odd = path_of([3.0, 3.0, 3_240.0, 3.24], [1e6, 1e6, 1e3, 1e6])

    assert faults(odd) == [2]
    assert faults(pl.concat([odd, *others])) == []


@pytest.mark.parametrize("n_others", [2, 3])
def test_three_exchanges_make_a_market(n_others: int) -> None:
    """With the odd one itself: of two, which of them is wrong is anybody's guess."""
    others = [path_of([3.0, 3.0, 3.24, 3.24], slug=slug) for slug in ("a", "b", "c")[: n_others - 1]]
    odd = path_of([3.0, 3.0, 3_240.0, 3.24], [1e6, 1e6, 1e3, 1e6])

    assert faults(pl.concat([odd, *others])) == ([2] if n_others == 2 else [])


def test_the_mean_of_two_exchanges_is_no_market() -> None:
    """One stayed and one rose eightfold: four and a half times, as the value did, is what neither of them says."""
    odd = path_of([3.0, 3.0, 24.0, 3.0], [1e6, 1e6, 562_500.0, 562_500.0])

    assert faults(pl.concat([odd, path_of([3.0] * 4, slug="a")])) == [2]


def test_the_market_moved_between_the_same_two_days() -> None:
    """Over a gap of one exchange the others moved twice; their last step says nothing of it."""
    others = [path_of([3.0, 3.0, 3.24, 3.24], slug=slug) for slug in ("a", "b", "c")]
    odd = path_of([3.0, 3.0, 3_240.0, 3.24], [1e6, 1e6, 1e3, 1e6])

    assert faults(pl.concat([odd.filter(pl.col("ts") != moment(0)), *others])) == []
    assert faults(pl.concat([odd.filter(pl.col("ts") != moment(1)), *others])) == [2]


@pytest.mark.parametrize(("held", "expected"), [(99.995, []), (100.0, [1])])
def test_what_is_worth_less_than_ten_thousand_dollars_is_dust_and_no_fault(held: float, expected: list[int]) -> None:
    assert faults(path_of([1.0, 100.0, 1.0], [held] * 3)) == expected


def test_a_value_that_fell_to_dust_is_at_fault() -> None:
    """30,000 dollars at a ten thousandth of their price would have left the exchange."""
    assert faults(path_of([3.0, 0.0003, 3.0], [1e4] * 3)) == [1]


def test_a_record_worth_cents_has_a_price_like_any_other() -> None:
    assert faults(path_of([3.0, 300.0, 3.0], [0.1, 1e6, 1e6])) == [1]


def test_figures_of_the_reason_have_four_digits() -> None:
    (reason,) = faulty_prices(path_of([3.14159, 314.159, 3.14159]), NO_MARKET)["reason"]

    assert reason == "one unit is worth 314.2 USD after 3.142: expected within 5 times"


def test_holes_and_the_moment_of_asking_are_not_looked_at() -> None:
    """A record without a quantity has no price to jump."""
    holes = balances_of(
        {
            "x": {
                0: {"X": (1e6, 3e6)}, 1: {"X": (None, 3e8)}, 2: {"X": (1e6, 3e6)}, 3: {"X": (0.0, 0.0)},
                4: {"X": (0.0, 9e6)}, 5: {"X": (1e6, 0.0)}, 6: {"X": (-1e6, 9e6)}, 7: {"X": (1e6, -9e6)},
                8: {"X": (1e6, 3e6)},
            }
        }
    )  # fmt: skip
    now = path_of([3.0, 3.0, 300.0]).with_columns(is_now=pl.col("ts") == moment(2))

    assert faults(holes) == faults(now) == []


def test_the_tutorial_has_no_price_at_fault() -> None:
    """Its planted events are of other kinds, and its log has no word of this one."""
    balances = pl.read_parquet(EXCHANGES_FOLDER / "token_balances.parquet").cast({"ts": pl.Datetime("us", "UTC")})
    assert faulty_prices(balances, NO_MARKET).is_empty()
