"""The market-cap commands as users meet them: formats, age, the tutorial, faults in one line."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.transforms.categories import DISJOINT_RULE
from marketflows_pipeline.warehouse.table import PAGE_WIDTH
from marketflows_pipeline_tests.cli.asking import ask, fault, invoke
from marketflows_pipeline_tests.cli.reports.market_caps.published_breadth import publish_breadth

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture(scope="session")
def caps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the hand-made market-cap part, published."""
    made = tmp_path_factory.mktemp("caps")
    publish_breadth(made)
    return made


def test_the_newest_close_of_every_series_is_answered(caps: Path) -> None:
    body = ask(caps, "breadth")
    assert [(row["series"], row["label"], row["n"]) for row in body["breadth"]] == [
        ("cohort", "all ranges", 17),
        ("made-in-usa", "Made in USA", 7),
        ("ai", "AI", 8),
        ("1000000000", "above $1B", 9),
    ]
    assert body["as_of"] == "2026-11-20T00:00:00+00:00"
    assert body["coverage"] == {"n_series": 4, "too_few_coins": ["Made in USA"], "backfilled_rows": 0}
    assert body["breadth"][1]["above_ema_50_pct"] is None


@pytest.mark.slow
def test_days_go_back_from_the_newest_close_and_say_what_is_back_filled(caps: Path) -> None:
    body = ask(caps, "breadth ai --days 3")
    assert [row["above_ema_50_pct"] for row in body["breadth"]] == [50.0, 62.5, 75.0]
    assert [row["is_backfilled"] for row in body["breadth"]] == [True, False, False]
    assert body["coverage"]["backfilled_rows"] == 1
    assert "1 of 3 rows are back-filled" in invoke(caps, "breadth ai --days 3 --format table").stdout


@pytest.mark.parametrize("name", ["AI", "Ai", "ai"])
def test_a_series_goes_by_its_slug_or_its_label(caps: Path, name: str) -> None:
    assert {row["series"] for row in ask(caps, f"breadth {name}")["breadth"]} == {"ai"}


def test_pages_overlap_map_and_shares_are_told_with_the_rule(caps: Path) -> None:
    body = ask(caps, "breadth")
    assert [(page["days"], page["n_listed"]) for page in body["pages_of_categories"]] == [(1, 250), (7, 250), (30, 250)]
    assert [(pair["n_shared"], pair["of_smaller_pct"]) for pair in body["overlap"]] == [(1, 75.0)]
    assert [(part["series"], part["n"], part["share_pct"]) for part in body["market_map"]] == [
        ("made-in-usa", 1, 68.0),
        ("ai", 2, 32.0),
    ]
    assert body["market_map_rule"] == DISJOINT_RULE
    assert body["dominance"]["bitcoin_pct"] == 58.25
    assert body["dominance"]["stablecoins_pct"] is None


def test_the_table_says_the_finding_the_rule_and_what_is_missing(caps: Path) -> None:
    text = invoke(caps, "breadth --format table").stdout
    words = " ".join(text.split())
    assert text.startswith("Breadth, as of 2026-11-20 00:00 UTC\n")
    assert "56 % of 16 coins (all ranges) stand above their average of 50 days, and 40 % beat bitcoin" in words
    assert f"Market map: {DISJOINT_RULE}." in words
    assert "ai and made-in-usa share 1 coin, 75.0 % of the smaller" in words
    assert "Fewer than 8 coins at the newest close: Made in USA." in words
    assert "bitcoin 58.2 %, ether 11.0 %, stablecoins unknown" in words
    assert max(map(len, text.splitlines())) <= PAGE_WIDTH


def test_csv_has_a_row_a_series_and_close(caps: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(invoke(caps, "breadth --days 2 --format csv").stdout)))
    assert [(row["series"], row["ts"], row["n"]) for row in rows if row["series"] == "ai"] == [
        ("ai", "2026-11-19T00:00:00+00:00", "8"),
        ("ai", "2026-11-20T00:00:00+00:00", "8"),
    ]
    assert rows[1]["mcclellan"] == ""


def test_closes_are_stale_after_26_hours(caps: Path, clock: FixedClock) -> None:
    clock.sleep(8 * 3600)
    assert ask(caps, "breadth")["stale"] is False
    clock.sleep(60)
    assert ask(caps, "breadth")["stale"] is True


def test_an_unknown_series_gets_a_near_match_in_one_line(caps: Path) -> None:
    assert "did you mean made-in-usa?" in str(fault(caps, "breadth made-in-us"))
    assert "there is: 1000000000, ai, cohort, made-in-usa" in str(fault(caps, "breadth zzzz"))


def test_days_are_a_number_from_1(caps: Path) -> None:
    assert invoke(caps, "breadth --days 0").exit_code == 2


def test_made_up_figures_say_so(caps: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(caps)
    body = ask(caps, "breadth", tutorial=True)
    assert body["synthetic"] is True
    assert body["source"].startswith("Synthetic: a made-up market of the tutorial")


def test_without_data_the_command_says_what_to_run(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("")
    assert str(fault(tmp_path, "breadth")).endswith(
        f"run the pipeline: marketflows --config {tmp_path / 'config.toml'}"
    )
