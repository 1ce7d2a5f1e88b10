"""What stands for money or for another coin is left out of narratives and ranges, and how much that is."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from marketflows_pipeline.transforms.market_caps.exclusions import (
    left_out_of_narratives,
    left_out_of_ranges,
    left_out_words,
)
from marketflows_pipeline_tests.transforms.exchanges.frames import rows_of
from marketflows_pipeline_tests.transforms.frames import START, grid_of

# Made in USA as it was on 4 March 2026, in billions.
MADE_IN_USA = {
    "ripple": 86.0, "usd-coin": 75.0, "solana": 50.0, "figure-heloc": 15.0, "cardano": 9.8, "chainlink": 6.5,
    "stellar": 5.2, "litecoin": 4.1, "hedera-hashgraph": 4.2, "paypal-usd": 3.9,
}  # fmt: skip
LEFT_OUT = {"usd-coin", "figure-heloc", "paypal-usd"}


def listed(caps: dict[str, float], days_later: int = 0) -> pl.DataFrame:
    """A narrative's rows as stored, with which of them are left out."""
    at = START + timedelta(days=days_later)
    rows = (
        {
            "observed_at": at,
            "narrative": "made-in-usa",
            "coin_id": coin,
            "rank": place,
            "market_cap_usd": cap,
        }
        for place, (coin, cap) in enumerate(caps.items(), start=1)
    )
    return rows_of("raw.narrative_members", *rows).with_columns(is_left_out=pl.col("coin_id").is_in(list(LEFT_OUT)))


def test_a_narrative_says_how_many_coins_and_how_much_cap_were_left_out() -> None:
    """37 % of the shipped "Made in USA" were two stablecoins and a loan as a token, without a word."""
    found = left_out_of_narratives(listed(MADE_IN_USA), None, 10)
    assert found.rows() == [("made-in-usa", 3, 93.9)]


def test_what_stands_below_the_last_coin_in_use_would_not_have_been_in() -> None:
    assert left_out_of_narratives(listed(MADE_IN_USA), None, 2).rows() == [("made-in-usa", 1, 75.0)]
    assert left_out_of_narratives(listed({"ripple": 86.0, "solana": 50.0}), None, 2).rows() == [("made-in-usa", 0, 0.0)]


def test_of_a_day_that_the_settings_name_it_is_that_day() -> None:
    both = pl.concat([listed(MADE_IN_USA), listed({"usd-coin": 80.0, "ripple": 70.0}, days_later=1)])
    assert left_out_of_narratives(both, None, 10).rows() == [("made-in-usa", 1, 80.0)]
    assert left_out_of_narratives(both, date(2026, 1, 1), 10).rows() == [("made-in-usa", 3, 93.9)]


def test_a_range_says_it_of_the_last_grid_time() -> None:
    grid = grid_of({"bitcoin": [2e12, 2e12], "tether": [9e10, 1.5e11], "usd-coin": [7e10, 7e10], "dai": [1e9, 9e8]})
    found = left_out_of_ranges(grid, ["tether", "usd-coin", "dai", "no-such"], [1e9, 1e11])
    assert found.rows() == [("1000000000", 1, 7e10), ("100000000000", 1, 1.5e11)]


def test_a_caption_names_each_series_with_count_and_cap() -> None:
    columns = ("category", "series", "label", "sort_order", "n_left_out", "left_out_usd")
    rows = [
        ("Narratives", "made-in-usa", "Made in USA", 1, 3, 9.393e10),
        ("Narratives", "layer-1", "Layer 1", 2, 0, 0.0),
        ("Portfolios", "Majors", "Majors", 1, None, None),
        ("Ranges", "1000000000", "$1B to $10B", 1, 1, 7e9),
    ]
    series = rows_of("core.series", *(dict(zip(columns, row, strict=True)) for row in rows))
    assert left_out_words(series) == {
        "Narratives": "stablecoins, wrapped, staked and pegged coins left out: Made in USA 3 ($93.9B)",
        "Ranges": "stablecoins, wrapped, staked and pegged coins left out: $1B to $10B 1 ($7B)",
    }
