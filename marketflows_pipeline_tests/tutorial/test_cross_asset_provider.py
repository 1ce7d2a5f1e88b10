"""The packaged market of funds and coins, asked as services are asked."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from marketflows_pipeline.errors import NotFoundError
from marketflows_pipeline.providers.protocols.cross_asset import (
    ACTION_SCHEMA,
    BAR_SCHEMA,
    SHARES_SCHEMA,
    VOLATILITY_SCHEMA,
    PriceHistory,
    PriceProvider,
    SharesProvider,
    VolatilityProvider,
)
from marketflows_pipeline.settings.universe import DEFAULT_UNIVERSE
from marketflows_pipeline.tutorial.cross_asset_provider import (
    BY_DATE,
    CROSS_ASSET_FOLDER,
    TutorialMarket,
    cross_asset_credit,
    planted_auc,
)
from marketflows_pipeline.tutorial.files import data_as_of

FIRST, LAST = date(2010, 1, 4), date(2026, 3, 3)
SYMBOLS = [asset.symbol for asset in DEFAULT_UNIVERSE]
COINS = ["BTC", "ETH"]
FUNDS = [symbol for symbol in SYMBOLS if symbol not in COINS]
WITH_SHARES = [symbol for symbol in FUNDS if symbol != "QQQ"]
SINCE = {"IBIT": date(2024, 1, 11), "BTC": date(2015, 1, 1), "ETH": date(2018, 1, 1)}


@pytest.fixture(scope="module")
def market() -> TutorialMarket:
    return TutorialMarket()


def _history(market: TutorialMarket, symbol: str) -> PriceHistory:
    return market.daily_bars(symbol, symbol, FIRST, LAST)


def test_the_figures_say_that_they_are_made_up() -> None:
    assert cross_asset_credit() == "Made-up data, seed 1"
    for file in CROSS_ASSET_FOLDER.glob("*.parquet"):
        assert pl.read_parquet_metadata(file)["source"] == cross_asset_credit()
    assert "synthetic" in (CROSS_ASSET_FOLDER / "README.md").read_text(encoding="utf-8").splitlines()[0]


def test_one_market_is_all_three_services(market: TutorialMarket) -> None:
    prices: PriceProvider = market
    shares: SharesProvider = market
    indices: VolatilityProvider = market
    assert prices.name == shares.name == indices.name == "tutorial"


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_bars_go_from_the_first_session_to_the_last_before_the_clock(market: TutorialMarket, symbol: str) -> None:
    history = _history(market, symbol)
    assert history.bars.schema == BAR_SCHEMA
    assert history.actions.schema == ACTION_SCHEMA
    sessions = history.bars["session"]
    assert (sessions[0], sessions[-1]) == (SINCE.get(symbol, FIRST), LAST)
    assert data_as_of().date() > LAST
    assert sessions.is_unique().all()
    assert sessions.is_sorted()
    assert (sessions.dt.weekday().max() == 7) == (symbol in COINS)
    assert history.bars["volume_unit"].unique().to_list() == ["usd" if symbol in COINS else "shares"]
    assert history.bars["source"].unique().to_list() == ["tutorial:bars"]
    assert history.bars["as_traded_close_usd"].null_count() == history.bars.height


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_bar_holds_its_own_prices(market: TutorialMarket, symbol: str) -> None:
    bars = _history(market, symbol).bars
    prices = pl.concat_list("open_usd", "close_usd")
    assert bars.select((pl.col("low_usd") <= prices.list.min()).all()).item()
    assert bars.select((pl.col("high_usd") >= prices.list.max()).all()).item()
    assert bars.select((pl.col("low_usd") > 0).all() & (pl.col("volume") > 0).all()).item()
    assert bars.drop("as_traded_close_usd").null_count().sum_horizontal().item() == 0


def test_only_what_is_asked_for_is_given(market: TutorialMarket) -> None:
    history = market.daily_bars("SPY", "SPY", date(2025, 6, 16), date(2025, 6, 23))
    assert history.bars["session"].to_list() == [date(2025, 6, day) for day in (16, 17, 18, 19, 20, 23)]
    assert history.actions["session"].to_list() == [date(2025, 6, 16)]


def test_about_nine_weekdays_a_year_are_holidays(market: TutorialMarket) -> None:
    sessions = _history(market, "SPY").bars["session"]
    weekdays = pl.date_range(FIRST, LAST, "1d", eager=True).dt.weekday()
    holidays = len(weekdays.filter(weekdays < 6)) - len(sessions)
    assert 7 < holidays / 16.2 < 9.5


def test_adjusted_closes_grow_faster_by_the_dividends_alone(market: TutorialMarket) -> None:
    history = _history(market, "SPY")
    paid = history.bars.join(
        history.actions.select("session", "value"), on="session", how="left", maintain_order="left"
    )
    close, adjusted = pl.col("close_usd"), pl.col("adjusted_close_usd")
    extra = (adjusted / adjusted.shift(1)) / (close / close.shift(1)) - 1
    expected = 1 / (1 - pl.col("value").fill_null(0.0) / close.shift(1)) - 1
    off = paid.select((extra - expected).abs().max()).item()
    assert len(history.actions) == 64
    # A cent at a price of 80.
    assert off < 2e-4
    assert history.bars["adjusted_close_usd"][-1] == history.bars["close_usd"][-1]


@pytest.mark.parametrize("symbol", WITH_SHARES)
def test_each_issuer_gives_one_row_a_session(market: TutorialMarket, symbol: str) -> None:
    figures = market.shares_outstanding(symbol, "")
    assert figures.schema == SHARES_SCHEMA
    assert figures["session"].is_unique().all()
    assert figures["session"].is_sorted()
    assert figures["source"].unique().to_list() == ["tutorial:shares"]
    assert figures["published_at"].null_count() == figures.height
    whole = figures.drop_nulls("shares")
    assert whole.select((pl.col("shares") * pl.col("nav_usd") - pl.col("net_assets_usd")).abs().max()).item() < 0.01


@pytest.mark.parametrize(("symbol", "day", "ratio"), [("SLV", date(2025, 6, 9), 10), ("IWM", date(2013, 6, 10), 2)])
def test_a_split_leaves_closes_alone_and_moves_shares_as_the_issuer_states_them(
    market: TutorialMarket, symbol: str, day: date, ratio: int
) -> None:
    history, figures = _history(market, symbol), market.shares_outstanding(symbol, "")
    (split,) = history.actions.filter(action="split").to_dicts()
    assert (split["session"], split["value"]) == (day, ratio)
    jump = {"as_traded": ratio, "split_adjusted": 1}[figures["convention"][0]]
    assert figures["convention"][0] == ("as_traded" if symbol == "SLV" else "split_adjusted")
    around = figures.filter(pl.col("session") <= day).tail(2)
    assert around["shares"][1] / around["shares"][0] == pytest.approx(jump, rel=0.02)
    assert around["nav_usd"][0] / around["nav_usd"][1] == pytest.approx(jump, rel=0.1)
    closes = history.bars.filter(pl.col("session") <= day)["close_usd"].tail(2)
    assert closes[1] / closes[0] == pytest.approx(1, abs=0.1)


def test_one_session_was_restated(market: TutorialMarket) -> None:
    now = market.shares_outstanding("TLT", "")
    first = TutorialMarket(as_first_published=True).shares_outstanding("TLT", "")
    (row,) = (
        now.join(first, on="session", suffix="_first").filter(pl.col("shares") != pl.col("shares_first")).to_dicts()
    )
    assert row["session"] == date(2025, 11, 12)
    assert row["shares_first"] / row["shares"] == pytest.approx(0.97, abs=0.001)


def test_what_is_missing_is_missing(market: TutorialMarket) -> None:
    withheld = market.shares_outstanding("DIA", "").filter(pl.col("shares").is_null())
    assert (withheld["session"][0], withheld["session"][-1], withheld.height) == (
        date(2025, 7, 7),
        date(2025, 7, 18),
        10,
    )
    assert withheld["net_assets_usd"].null_count() == 0
    days = [date(2025, 10, day) for day in (20, 21, 22)]
    assert set(days).isdisjoint(market.shares_outstanding("IWM", "")["session"])
    assert date(2025, 8, 13) not in _history(market, "HYG").bars["session"]
    assert date(2025, 5, 3) not in _history(market, "BTC").bars["session"]
    assert date(2025, 9, 16) not in market.volatility_index("VIX")["session"]


def test_volatility_rises_with_falls_and_is_at_times_in_backwardation(market: TutorialMarket) -> None:
    vix, vix3m = market.volatility_index("VIX"), market.volatility_index("VIX3M")
    assert vix.schema == vix3m.schema == VOLATILITY_SCHEMA
    both = vix.join(vix3m, on="session")
    assert 0.05 < (both["close"] > both["close_right"]).sum() / both.height < 0.15
    low, middle, high = vix.select(
        low=pl.col("close").min(), middle=pl.col("close").median(), high=pl.col("close").max()
    ).row(0)
    assert 9 <= low < 15 < middle < 19
    assert high > 35
    moves = _history(market, "SPY").bars.select("session", change=pl.col("close_usd").pct_change())
    joined = vix.with_columns(rise=pl.col("close").log().diff()).join(moves, on="session")
    assert joined.select(pl.corr("rise", "change")).item() < -0.7


def test_what_is_not_packaged_is_not_found(market: TutorialMarket) -> None:
    with pytest.raises(NotFoundError, match="no daily bars of 'EEM'"):
        market.daily_bars("EEM", "EEM", FIRST, LAST)
    for symbol in ("QQQ", "BTC", "ETH"):
        with pytest.raises(NotFoundError, match=f"no shares outstanding of '{symbol}'"):
            market.shares_outstanding(symbol, "")
    with pytest.raises(NotFoundError, match="no volatility index 'VIX9D'"):
        market.volatility_index("VIX9D")
    with pytest.raises(NotFoundError, match="no planted AUC of 'SPY' 10 sessions ahead"):
        planted_auc(10, "SPY")


@pytest.mark.parametrize("horizon", [5, 20])
def test_the_planted_auc_is_that_of_funds_with_flows_and_half_elsewhere(horizon: int) -> None:
    of_assets = {symbol: planted_auc(horizon, symbol) for symbol in SYMBOLS}
    assert {symbol for symbol, auc in of_assets.items() if auc == 0.5} == {"QQQ", *COINS}
    assert all(0.54 < auc < 0.59 for symbol, auc in of_assets.items() if symbol in WITH_SHARES)
    assert planted_auc(horizon) == pytest.approx(sum(of_assets.values()) / len(SYMBOLS), abs=1e-4)
    assert planted_auc(horizon) == pytest.approx(0.55, abs=0.01)
    assert 0.56 < planted_auc(horizon, BY_DATE) < 0.6


@pytest.mark.parametrize("horizon", [5, 20])
def test_the_flow_known_at_a_close_ranks_what_follows_about_as_well_as_planted(
    market: TutorialMarket, horizon: int
) -> None:
    # Mean over the seven funds with 16 years; its standard error is about 0.01 and 0.02, by the effective number of
    # independent labels.
    found = {lag: _mean_auc(market, horizon, lag) for lag in (1, 0)}
    assert found[1] == pytest.approx(planted_auc(horizon, "SPY"), abs=0.03)
    # The flow of the session itself, which nobody knows yet, would tell more.
    assert found[0] > found[1]


def _mean_auc(market: TutorialMarket, horizon: int, lag: int) -> float:
    aucs = []
    for symbol in WITH_SHARES:
        if symbol in {"IBIT", "SLV"}:
            continue
        figures = market.shares_outstanding(symbol, "").select("session", flow=pl.col("shares").pct_change())
        bars = _history(market, symbol).bars.join(figures, on="session", how="left", maintain_order="left")
        rows = bars.select(
            known=pl.col("flow").shift(lag), is_up=pl.col("close_usd").shift(-horizon) > pl.col("close_usd")
        ).drop_nulls()
        ranks, ups = rows["known"].rank(), int(rows["is_up"].sum())
        above = float((ranks * rows["is_up"]).sum()) - ups * (ups + 1) / 2
        aucs.append(above / (ups * (rows.height - ups)))
    return sum(aucs) / len(aucs)


def test_the_packaged_market_is_small() -> None:
    assert sum(file.stat().st_size for file in CROSS_ASSET_FOLDER.iterdir()) < 600_000
    assert {file.name for file in Path(CROSS_ASSET_FOLDER).iterdir()} == {
        "README.md",
        "actions.parquet",
        "bars.parquet",
        "shares.parquet",
        "volatility.parquet",
    }
