from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.report.model import Section
from marketflows_pipeline.report.published import open_published_file
from marketflows_pipeline.report.sections.exchange_concentration import (
    concentration_title,
    history_title,
    thresholds_of,
)
from marketflows_pipeline.report.sections.exchange_league import signals_title, volume_title, without_reserves_title
from marketflows_pipeline.report.sections.exchange_netflow import BY_CLASS, class_title, netflow_title
from marketflows_pipeline.report.sections.exchange_reserves import reserves_title
from marketflows_pipeline.report.sections.exchanges import exchanges
from marketflows_pipeline.transforms.exchanges.netflow_sums import sum_by_class
from marketflows_pipeline_tests.cli.reports.exchanges.published_rows import (
    CONFIG,
    FLOWS,
    NOW,
    OBSERVED,
    TABLES_OF_DATA,
    day,
)
from marketflows_pipeline_tests.cli.reports.publishing import Rows, publish_copy, publish_tables
from marketflows_pipeline_tests.hostile_names import HOSTILE_NAMES
from marketflows_pipeline_tests.report.sections.cards import card_of, section_from
from marketflows_pipeline_tests.tutorial.run import TutorialRun
from marketflows_pipeline_tests.warehouse.frames import frame

LEAGUE: Rows = [
    {
        "period_days": period,
        "exchange_key": key,
        "slug": key,
        "name": name,
        "is_tracked": tracked,
        "rank": rank,
        "netflow_mid_usd": flow,
        "days_known": 0 if flow is None else period,
        "netflow_pct_of_reserves": None if flow is None else flow / 10e6,
        "observed_at": OBSERVED,
        "defillama_inflow_usd": theirs,
        "signs_differ": differ,
        "reason": None if tracked else "not tracked",
    }
    for period in (1, 7, 30)
    for key, name, tracked, rank, flow, theirs, differ in [
        ("binance", "Binance", True, 2, -30e6, -20e6, False),
        ("kraken", "Kraken", True, 1, 10e6, -5e6, True),
        ("okex", "OKX", False, None, None, 7e6, None),
    ]
]
BY_CLASS_ROWS: Rows = [
    {
        "slug": slug,
        "day": day(number),
        "previous_day": day(before),
        "asset_class": name,
        "exchange_key": slug,
        "ts": NOW,
        "netflow_mid_usd": flow,
        "reserves_usd": held,
    }
    for slug, before, number, name, flow, held in [
        ("a", 19, 20, "btc", 5e6, 100e6),
        ("a", 19, 20, "stablecoins", -2e6, 50e6),
        ("b", 19, 20, "btc", 3e6, 100e6),
        ("b", 19, 20, "stablecoins", None, 50e6),
        ("b", 16, 17, "btc", -20e6, 110e6),
        # Of days before the seven, too.
        ("a", 10, 16, "btc", 900e6, 90e6),
        ("a", 0, 1, "btc", 40e6, 90e6),
        ("b", 19, 20, "other", None, None),
    ]
]
DATA: Mapping[str, Rows] = {
    **TABLES_OF_DATA,
    "mart.exchange_league": LEAGUE,
    "mart.exchange_netflow_by_class": BY_CLASS_ROWS,
}


def publish_all(folder: Path) -> Path:
    tables = {table: frame(table, *rows) for table, rows in DATA.items()}
    return publish_tables(folder, "exchanges", tables, config=CONFIG, now=NOW)


def published(folder: Path, **changed: Rows) -> Path:
    """The same with other rows of some tables of ``mart``."""
    frames = {f"mart.{name}": frame(f"mart.{name}", *rows) for name, rows in changed.items()}
    return publish_copy(folder, publish_all, frames, config=CONFIG)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Section:
    return section_from(published(tmp_path_factory.mktemp("exchanges")), exchanges, now=NOW)


def test_every_card_says_its_finding(made: Section) -> None:
    titles = {card.key: card.title for card in made.cards}
    assert titles == {
        "exchanges-league": "Binance's volume stands out: 25% above its 7-day mean, z +2.1",
        "exchanges-reserves": "Binance holds $10.0B in known wallets",
        "exchanges-netflow": (
            "Kraken took in most in 7 days, +$10.0M (+1.00% of reserves), Binance lost most, \u2212$30.0M "
            "(\u22123.00% of reserves); DefiLlama says the opposite of 1 of 2 exchanges"
        ),
        "exchanges-classes": "Exchanges in 7 days: bitcoin \u2212$12.0M and stablecoins \u2212$2.0M went out",
        "exchanges-concentration": ("Reserves (centralised) highly concentrated, HHI 4,922, as 2.0 equal exchanges"),
        "exchanges-whales": "3 of 4 coins are traded unusually much (a proxy), PEPE most: z +3.5",
        "exchanges-coverage": "2 of 7 centralised exchanges report no reserves: Coinbase Exchange and Upbit",
    }


def test_what_has_no_card_has_a_note(made: Section) -> None:
    assert made.notes == ("Concentration over time: none of the figures is known.",)


def test_a_proxy_is_called_one_and_flow_no_price(made: Section) -> None:
    assert "proxy" in card_of(made, "exchanges-whales").subtitle
    assert "reported wallets only" in card_of(made, "exchanges-reserves").caption.lower()
    assert "flow, not price" in card_of(made, "exchanges-netflow").caption.lower()


@pytest.mark.slow
def test_titles_follow_the_data(tmp_path: Path) -> None:
    quiet = [{**row, "volume_zscore": None if row["exchange_id"] != "binance" else -1.0} for row in FLOWS]
    league = [{**row, "signs_differ": None, "netflow_mid_usd": 0.0} for row in LEAGUE]
    section = section_from(
        published(tmp_path, exchange_flows=quiet, exchange_league=league), exchanges, now=NOW, with_charts=False
    )
    assert card_of(section, "exchanges-league").title == (
        "Volume is usual at the only exchange with a past; Binance trades most, 50.0% of the volume"
    )
    assert card_of(section, "exchanges-netflow").title == "Nothing moved into or out of exchanges in 7 days"


def test_empty_tables_have_no_card(tmp_path: Path) -> None:
    with open_published_file(
        publish_tables(tmp_path, "exchanges", {}, config=CONFIG, now=NOW), is_tutorial=False, now=NOW
    ) as file:
        section = exchanges(file)
    assert section.cards == ()
    assert len(section.notes) == 8
    assert section.notes[0] == "Volume of exchanges: mart.exchange_flows is not published."


@pytest.mark.slow
def test_a_table_without_rows_has_no_card(tmp_path: Path) -> None:
    section = section_from(
        published(tmp_path, whale_signals=[], exchange_flows=[]), exchanges, now=NOW, with_charts=False
    )
    assert "Whale signals: no coin was looked at." in section.notes
    assert "Volume of exchanges: none of the figures is known." in section.notes
    assert "exchanges-league" not in {card.key for card in section.cards}


@pytest.mark.slow
def test_hostile_names_are_shown_harmless(tmp_path: Path) -> None:
    names = list(HOSTILE_NAMES.values())
    names = [name.encode("utf-8", "replace").decode() for name in names]
    flows = [
        {**FLOWS[0], "exchange_id": f"x{place}", "name": name, "rank": place} for place, name in enumerate(names, 1)
    ]
    league = [{**LEAGUE[0], "exchange_key": f"x{place}", "name": name} for place, name in enumerate(names)]
    league = [{**row, "period_days": 7} for row in league]
    section = section_from(published(tmp_path, exchange_flows=flows, exchange_league=league), exchanges, now=NOW)
    assert card_of(section, "exchanges-netflow").dataset.rows.height == len(names)


def test_classes_are_those_of_the_command(tmp_path: Path) -> None:
    with open_published_file(published(tmp_path), is_tutorial=False, now=NOW) as file:
        found = file.frame(BY_CLASS)
    for period in (1, 7, 30):
        inside = [row for row in BY_CLASS_ROWS if row["previous_day"] >= day(20) - timedelta(days=period)]
        plain = [{"netflow_units": None, "reserves_units": None, "price_effect_mid_usd": None, **row} for row in inside]
        expected = {each["asset_class"]: each["netflow_mid_usd"] for each in sum_by_class(plain)}
        shown = dict(found.filter(period_days=period).select("asset_class", "netflow_mid_usd").iter_rows())
        assert shown == expected
    assert found.filter(asset_class="btc")["reserves_usd"].to_list() == [200e6] * 3


def league_frame(*rows: tuple[str, float | None, float | None, float | None]) -> pl.DataFrame:
    columns = {"exchange": pl.String, "volume_24h_btc": pl.Float64, "volume_change_pct": pl.Float64}
    schema = {**columns, "volume_zscore": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(market_share_pct=pl.lit(None, pl.Float64))


@pytest.mark.parametrize(
    ("rows", "title"),
    [
        ([("A", 5.0, None, None)], "A trades most"),
        (
            [("A", 5.0, -40.0, -2.0), ("B", 4.0, 90.0, 2.0)],
            "A's volume stands out: 40% below its 7-day mean, z \u22122.0; 1 other unusual too",
        ),
        ([("A", 5.0, None, 3.0)], "A's volume stands out: z +3.0"),
        (
            [("A", 5.0, 1.0, 1.99), ("B", 9.0, 1.0, 0.0)],
            "Volume is usual at all 2 exchanges with a past; B trades most",
        ),
        ([("A", None, None, None), ("B", 1.0, None, None)], "B trades most"),
    ],
)
def test_volume_title(rows: list[Any], title: str) -> None:
    assert volume_title(league_frame(*rows)) == title


BOTH = "A holds 75.0% of $8.0B at 2 exchanges"


def reserves_frame(*exchanges_: tuple[str, float | None, float]) -> pl.DataFrame:
    """Name, reserves 30 days ago, reserves now."""
    today = date(2026, 3, 31)
    made = [
        {"place": place, "exchange": name, "day": at, "reserves_usd": usd}
        for place, (name, before, now) in enumerate(exchanges_, 1)
        for at, usd in ((today - timedelta(days=30), before), (today, now))
        if usd is not None
    ]
    return pl.DataFrame(made)


@pytest.mark.parametrize(
    ("exchanges_", "title"),
    [
        ([("A", 8e9, 10e9)], "A holds $10.0B in known wallets, +25.0% in 30 days"),
        ([("A", None, 10e9)], "A holds $10.0B in known wallets"),
        ([("A", 9e9, 6e9), ("B", 1e9, 2e9)], f"{BOTH}; 1 of 2 exchanges holds less than 30 days ago"),
        ([("A", 9e9, 6e9), ("B", None, 2e9)], f"{BOTH}; the only exchange with a past holds less than 30 days ago"),
        ([("A", None, 6e9), ("B", None, 2e9)], BOTH),
        ([("A", 1e9, 6e9), ("B", 2e9, 2e9)], f"{BOTH}; none of 2 exchanges holds less than 30 days ago"),
    ],
)
def test_reserves_title(exchanges_: list[Any], title: str) -> None:
    assert reserves_title(reserves_frame(*exchanges_)) == title


def test_netflow_title_without_a_net_flow_of_our_own() -> None:
    league = pl.DataFrame({"exchange": ["A"], "netflow_7d_usd": [None], "signs_differ_7d": [None]}).cast(
        {"netflow_7d_usd": pl.Float64, "signs_differ_7d": pl.Boolean}
    )
    assert netflow_title(league) == "No net flow of 7 days is known; DefiLlama's own figures stand alone"


def test_netflow_title_says_what_is_known_in_part() -> None:
    league = pl.DataFrame(
        {"exchange": ["A"], "netflow_7d_usd": [-2e6], "netflow_7d_pct": [None], "days_known_7d": [3],
         "signs_differ_7d": [None]},
        schema_overrides={"signs_differ_7d": pl.Boolean},
    )  # fmt: skip
    assert netflow_title(league) == "A lost most in 7 days, \u2212$2.0M (3 of 7 days known)"


def test_class_title() -> None:
    known = pl.DataFrame({"label": ["Bitcoin", "Ether"], "period_days": [7, 7], "netflow_mid_usd": [1e6, -3e6]})
    assert class_title(known) == "Exchanges in 7 days: ether \u2212$3.0M went out; bitcoin +$1.0M came in"
    assert class_title(known.with_columns(period_days=1)) == "No net flow of 7 days is known by class of asset"


def test_concentration_titles() -> None:
    now = pl.DataFrame(
        {"measure": ["spot_volume"], "segment": ["tracked"], "degree": [None], "hhi_index": [500.0],
         "effective_exchanges": [20.0]}
    )  # fmt: skip
    assert concentration_title(now) == "Spot volume (tracked) not judged, HHI 500, as 20.0 equal exchanges"
    days = [date(2026, 1, 1), date(2026, 1, 11)]
    history = pl.DataFrame({"segment": ["all"] * 2, "day": days, "fixed_hhi_index": [900.0, 1_200.0]})
    rose = "Concentration of spot volume rose from 900 to 1,200 in 10 days (all exchanges)"
    assert history_title(history) == rose
    assert history_title(history.with_columns(fixed_hhi_index=pl.lit(900.2))) == (
        "Concentration of spot volume stayed at 900 in 10 days (all exchanges)"
    )


@pytest.mark.parametrize(
    ("index", "degree", "expected"),
    [
        (1_200.0, "moderately_concentrated", (1_000.0, 1_800.0)),
        (1_200.0, "competitive", (1_500.0, 2_500.0)),
        (2_600.0, "competitive", None),
        (1_800.0, "moderately_concentrated", (1_000.0, 1_800.0)),
    ],
)
def test_thresholds_are_those_that_the_words_follow(
    index: float, degree: str, expected: tuple[float, float] | None
) -> None:
    assert thresholds_of(pl.DataFrame({"hhi_index": [index], "market_concentration": [degree]})) == expected


def test_signals_title() -> None:
    signal = {"symbol": "A", "volume_zscore": None, "volume_to_mcap_pct": 63.6}
    one = pl.DataFrame([signal], schema_overrides={"volume_zscore": pl.Float64})
    assert signals_title(one, 4) == (
        "1 of 4 coins is traded unusually much (a proxy), A most: volume is 64% of its market cap"
    )
    assert signals_title(one.clear(), 4) == "No coin of 4 is traded unusually much for its size (a proxy)"


def test_without_reserves_title() -> None:
    counts = {"n_without": 1, "n_centralised": 5}
    assert without_reserves_title(["A"], counts) == "A reports no reserves"
    assert without_reserves_title(["A", "B", "C"], {"n_without": 9, "n_centralised": 9}) == (
        "All 9 centralised exchanges report no reserves, A and B the largest"
    )


@pytest.mark.slow
def test_the_tutorial_has_every_card(tutorial_run: TutorialRun) -> None:
    section = section_from(tutorial_run.published, exchanges, now=NOW, is_tutorial=True)
    assert section.notes == ()
    assert all("made-up" in card.caption for card in section.cards)
