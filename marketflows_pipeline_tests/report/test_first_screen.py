"""Tiles and gains, by tables small enough to work out by eye."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.errors import Stopped
from marketflows_pipeline.report import first_screen
from marketflows_pipeline.report.first_screen import gains_of, tiles_of
from marketflows_pipeline.report.model import Gains, Tile
from marketflows_pipeline.report.published import PublishedFile

CLOSE = datetime(2026, 3, 4, tzinfo=UTC)
DAY = date(2026, 3, 4)
TABLES = {
    "mart.dominance": "_TOTALS",
    "mart.narrative_index": "_INDEX",
    "mart.flow_rankings": "_FUNDS",
    "mart.exchange_netflow": "_NET_FLOWS",
    "mart.regimes": "_REGIMES",
}


class Answers(PublishedFile):
    """A file that answers each query of the first screen with rows of the test."""

    def __init__(self, **rows: list[dict[str, Any]]) -> None:
        self.answers = rows
        self.now = CLOSE

    def has(self, table: str) -> bool:
        return bool(self.answers.get(TABLES.get(table, "_GAINS")))

    def as_of(self, table: str) -> datetime | None:
        return CLOSE

    def frame(self, sql: str, params: Mapping[str, Any] | None = None) -> pl.DataFrame:
        (name,) = [name for name, value in vars(first_screen).items() if value is sql]
        return pl.DataFrame(self.answers[name], infer_schema_length=None)


def totals(**changes: Any) -> list[dict[str, Any]]:
    days = [
        {"ts": CLOSE - timedelta(days=back), "n": 34, "total_usd": 2.2e12 - 1e10 * back, "bitcoin_pct": 60.0 - back}
        for back in range(9)
    ]
    days[0] |= changes
    return days


def tile(**rows: list[dict[str, Any]]) -> Tile:
    (made,) = tiles_of(Answers(**rows))
    return made


def test_market_cap_against_a_week_before() -> None:
    made = tile(_TOTALS=totals())
    assert (made.label, made.value) == ("Market cap, 34 tracked coins", "$2.2T")
    assert made.comparison == "+3.3% in a week, mostly price"
    assert (made.line[0], made.line[-1], len(made.line)) == (2.12e12, 2.2e12, 9)


def test_another_number_of_coins_is_said() -> None:
    assert tile(_TOTALS=totals(n=35)).comparison == "+3.3% in a week, mostly price; 34 coins then"


def test_without_the_close_of_a_week_before_there_is_no_comparison() -> None:
    assert tile(_TOTALS=totals()[:7]).comparison == "no close of a week before"


def index(label: str, week: float, *, back: int = 0) -> list[dict[str, Any]]:
    return [
        {"label": label, "series": label.lower(), "ts": CLOSE - timedelta(days=ago), "price_index": level}
        for ago, level in ((7 + back, 1000.0), (back, 1000.0 + 10 * week))
    ]


def test_the_leader_is_that_of_the_newest_close() -> None:
    made = tile(_INDEX=[*index("AI", 4.6), *index("Layer 1", 2.7), *index("Ended", 50.0, back=3)])
    assert (made.label, made.value) == ("First of 2 narratives in a week", "AI")
    assert made.comparison == "+4.6% by price index, not inflow"


def fund(**changes: Any) -> dict[str, Any]:
    made = {"window_sessions": 21, "symbol": "IBIT", "name": "Bitcoin fund", "session": DAY}
    return made | {"flow_usd": -4.48e9, "flow_pct": -5.74, "n_funds": 8} | changes


def test_the_largest_flow_in_percent_of_its_assets() -> None:
    made = tile(_FUNDS=[fund()], _FUND_COURSE=[{"session": DAY, "flow_usd": 1.0}])
    assert (made.label, made.value) == ("Bitcoin fund, 21 sessions", "\u2212$4.5B")
    assert made.comparison == "\u22125.7% of its assets, the largest share of 8 funds whose flow is known"


def test_bitcoins_share_stands_in_where_no_fund_is_known() -> None:
    made = first_screen._dominance(Answers(_TOTALS=totals()))
    assert made is not None
    assert (made.label, made.value) == ("Bitcoin's share of tracked coins", "60.0%")
    assert made.comparison == "+7.0 points in a week"


def flows(slug: str, *amounts: float | None) -> list[dict[str, Any]]:
    return [
        {
            "day": DAY - timedelta(days=back),
            "previous_day": DAY - timedelta(days=back + 1),
            "slug": slug,
            "netflow_usd": amount,
        }
        for back, amount in enumerate(amounts)
    ]


def test_exchanges_with_a_gap_in_the_week_are_left_out_of_its_sum() -> None:
    # The first day of d's week has a flow since long before.
    before = [*flows("d", *[5e9] * 6), {**flows("d", *[5e9] * 7)[-1], "previous_day": DAY - timedelta(days=20)}]
    made = tile(
        _NET_FLOWS=[*flows("a", *[-1e6] * 9), *flows("b", *[-2e6] * 7), *flows("c", *[5e9] * 3, None, 5e9), *before]
    )
    assert made.value == "\u2212$21.0M"
    assert made.comparison == "2 exchanges, reported wallets, to 4 Mar 2026"
    assert made.line == (-1e6, -1e6, *[-3e6] * 7)


def test_no_exchange_with_a_whole_week_gives_no_tile() -> None:
    assert tiles_of(Answers(_NET_FLOWS=flows("a", 1.0, 2.0))) == ()


def test_the_regime_with_its_vix() -> None:
    session = {"session": DAY, "vix": 13.45, "vix_percentile": 0.284, "regime": "risk_off"}
    made = tile(_REGIMES=[session, {**session, "session": DAY - timedelta(days=1), "vix": None}])
    assert (made.label, made.value) == ("Regime, 4 Mar 2026", "Risk-off")
    assert made.comparison == "VIX 13.4; 28.4% of a year's sessions were lower"
    assert made.line == (None, 13.45)


def test_an_unknown_vix_is_said() -> None:
    session = {"session": DAY, "vix": None, "vix_percentile": None, "regime": "mixed"}
    assert tile(_REGIMES=[session]).comparison == "VIX unknown"


def test_a_tile_that_fails_costs_no_other(log: pytest.LogCaptureFixture) -> None:
    session = {"session": DAY, "vix": None, "vix_percentile": None, "regime": "mixed"}
    made = tiles_of(Answers(_TOTALS=totals(total_usd="much"), _REGIMES=[session], _FUNDS=[fund()]))
    assert [each.label for each in made] == ["Regime, 4 Mar 2026"]
    messages = [record.getMessage() for record in log.records]
    assert [each.split(": ")[0] for each in messages] == [
        "the page is without its tile market cap",
        "the page is without its tile fund flow",
    ]


def test_a_stop_is_no_tile_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        try:
            raise Stopped
        except Stopped as stop:
            raise RuntimeError("a library made an error of it") from stop

    monkeypatch.setattr(Answers, "frame", stopped)
    with pytest.raises(RuntimeError):
        tiles_of(Answers(_TOTALS=totals()))


def cells(category: str, labels: list[str], hours: list[float], gain: float | None = 1.0) -> list[dict[str, Any]]:
    return [
        {"category": category, "series": label, "label": label, "sort_order": at, "hours_ago": span}
        | {"gain_pct": None if gain is None or span < 24 else gain * at}
        for at, label in enumerate(labels, 1)
        for span in hours
    ]


SPANS = [4.0, 24.0, 48.0, 72.0, 168.0, 336.0, 672.0]


def table(rows: list[dict[str, Any]]) -> Gains:
    course = [{"category": rows[0]["category"], "series": rows[0]["series"], "ts": CLOSE, "market_cap_usd": 5.0}]
    return gains_of(Answers(_GAINS=rows, _COURSES=course))


def test_gains_stand_in_the_order_of_the_page_over_five_spans() -> None:
    made = table(
        [*cells("Ranges", ["$1B"], SPANS), *cells("Mine", ["BTC"], SPANS), *cells("Narratives", ["AI"], SPANS)]
    )
    assert [row.label for row in made.rows] == ["AI", "BTC", "$1B"]
    assert list(made.rows[0].gains) == ["1d", "3d", "1w", "2w", "4w"]
    assert made.rows[2].line == (5.0,)
    assert made.note.startswith("Gain of market cap in US dollars, %, as of 4 Mar 2026 00:00 UTC. Mostly price")


def test_a_coin_of_two_portfolios_stands_once() -> None:
    made = table([*cells("Mine", ["BTC"], SPANS), *cells("Yours", ["BTC", "ETH"], SPANS)])
    assert [row.label for row in made.rows] == ["BTC", "ETH"]


def test_a_series_that_is_called_as_one_of_another_category_stands_too() -> None:
    made = table(
        [*cells("Narratives", ["gold"], SPANS), *cells("Portfolios", ["gold"], SPANS), *cells("Mine", ["gold"], SPANS)]
    )
    assert [row.label for row in made.rows] == ["gold", "gold", "gold"]


@pytest.mark.parametrize("gain", [float("nan"), float("inf"), float("-inf")])
def test_a_gain_that_is_no_number_is_unknown(gain: float) -> None:
    rows = cells("Narratives", ["AI", "Layer 1"], SPANS)
    rows[SPANS.index(24.0)]["gain_pct"] = gain
    made = table(rows)
    assert (made.rows[0].gains["1d"], made.rows[0].gains["3d"], made.rows[1].gains["1d"]) == (None, 1.0, 2.0)
    assert table(cells("Narratives", ["AI"], SPANS, gain=gain)) == Gains()


def test_of_many_narratives_the_best_and_the_worst_are_shown() -> None:
    made = table(cells("Narratives", [f"n{at}" for at in range(1, 51)], SPANS))
    assert [row.label for row in made.rows] == ["n50", "n49", "n48", "n47", "n4", "n3", "n2", "n1"]
    assert made.note.endswith("Narratives: the best and the worst 4 of 50.")


def test_nothing_known_gives_no_table() -> None:
    assert table(cells("Narratives", ["AI"], SPANS, gain=None)) == Gains()
    assert gains_of(Answers()) == Gains()


@pytest.mark.parametrize("spans", [[4.0, 24.0], [24.0, 168.0]])
def test_spans_of_days_come_before_those_of_hours(spans: list[float]) -> None:
    made = table(cells("Narratives", ["AI"], spans))
    assert set(made.rows[0].gains) <= {"1d", "1w"}
