"""Cards beside the flows of single assets: reference series, and flows that others report."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketflows_pipeline.report.sections.cross_asset import cross_asset
from marketflows_pipeline_tests.cli.asking import ask
from marketflows_pipeline_tests.cli.reports.cross_asset.published_rows import NOW, TABLES_OF_DATA, day, publish_market
from marketflows_pipeline_tests.cli.reports.publishing import Rows
from marketflows_pipeline_tests.report.sections.cards import card_of, section_from

SERIES: Rows = [
    {"series_id": "DGS10", "session": day(number), "name": "Treasury yield, 10 years", "unit": "% a year",
     "value": value, "change_unit": "percentage points", "change_1_session": None, "change_21_sessions": -0.25}
    for number, value in ((17, 4.0), (18, 4.25), (19, None))
]  # fmt: skip
COMPARISON: Rows = [
    {"symbol": "IBIT", "lag_sessions": lag, "correlation": value, "n": 61, "n_signed": 60, "is_best": lag == 1,
     "sign_agreement_pct": 90.0, "first_session": day(12), "last_session": day(19), "share_lag_sessions": 0}
    for lag, value in ((0, 0.383), (1, 0.983))
]  # fmt: skip
FETCHED = {"source": "fred:fredgraph", "fetched_at": NOW}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("context")
    raw = [{"series_id": "DGS10", "session": day(18), "value": 4.25, **FETCHED}]
    tables = {"raw.reference_series": raw, "mart.reference_series": SERIES, "mart.flow_comparison": COMPARISON}
    publish_market(made, {**TABLES_OF_DATA, **tables})
    return made


@pytest.mark.slow
def test_the_cards_say_their_finding_source_and_age(folder: Path) -> None:
    section = section_from(folder / "warehouse" / "marketflows.duckdb", cross_asset, now=NOW)
    reference = card_of(section, "cross-asset-reference-series")
    assert reference.title == "Treasury yield, 10 years 4.25 % a year"
    assert "FRED (Federal Reserve Bank of St. Louis). As of the session of 18 Nov 2026" in reference.caption
    assert "these series have no flow" in reference.caption
    comparison = card_of(section, "cross-asset-flow-comparison")
    assert comparison.title == "IBIT: our flows fit the reported ones best 1 session later (correlation 0.98)"


@pytest.mark.usefixtures("clock")
def test_the_newest_known_values_stand_beside_the_regimes(folder: Path) -> None:
    body = ask(folder, "cross-asset regimes")
    (series,) = body["reference_series"]
    assert (series["series_id"], series["value"], series["session"]) == ("DGS10", 4.25, "2026-11-18")
    assert "Reference series: FRED" in body["source"] or "reference series: FRED" in body["source"]
