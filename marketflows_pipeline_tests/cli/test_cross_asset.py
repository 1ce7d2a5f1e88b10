"""The cross-asset commands as users meet them: formats, age, the tutorial, faults in one line, exit codes."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.warehouse.table import PAGE_WIDTH
from marketflows_pipeline_tests.cli.asking import ask, fault, invoke, program
from marketflows_pipeline_tests.cli.reports.cross_asset.published_rows import (
    BARS,
    FETCHED,
    FLOWS,
    NOW,
    REGIMES,
    TABLES_OF_DATA,
    VOLATILITY,
    day,
    publish_market,
)
from marketflows_pipeline_tests.examples import one_quick

pytestmark = pytest.mark.usefixtures("clock")

# Each with arguments that it answers to.
FETCHING = ["cross-asset flows", "cross-asset who-gained SPY", "cross-asset regimes"]
ANSWERED = [*FETCHING, "score"]


@pytest.mark.parametrize("line", ANSWERED)
def test_every_answer_says_when_whence_how_and_what_is_missing(market: Path, line: str) -> None:
    body = ask(market, line)
    assert body["timestamp"] == NOW.isoformat()
    assert body["as_of"] == FETCHED.isoformat()
    assert body["session"] == "2026-11-19"
    assert body["stale"] is False
    assert body["synthetic"] is False
    assert "ynthetic" not in body["source"]
    assert len(body["method"]) > 100
    assert body["coverage"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("hours", "stale"),
    # Fetched on Thursday at 22:30: 26 hours of weekdays end on Monday at 0:30, 54.5 hours from now.
    [(0, False), (48, False), (54.5, False), (54.6, True)],
)
@pytest.mark.parametrize("line", ANSWERED)
def test_an_answer_of_an_old_fetch_says_so(
    market: Path, clock: FixedClock, line: str, hours: float, *, stale: bool
) -> None:
    clock.sleep(hours * 3600)
    assert ask(market, line)["stale"] is stale
    table = invoke(market, f"{line} --format table").stdout.splitlines()[0]
    assert ("STALE" in table) is stale
    assert ("stale" in invoke(market, f"{line} --format csv").stderr) is stale


@pytest.mark.slow
@pytest.mark.parametrize(("newest", "stale"), [(16, False), (13, True)])
@pytest.mark.parametrize("line", FETCHING)
def test_sessions_over_five_days_ago_are_stale_however_new_the_fetch(
    tmp_path: Path, line: str, newest: int, *, stale: bool
) -> None:
    tables = {name: TABLES_OF_DATA[name] for name in ("raw.daily_bars", "core.asset_flows", "mart.regimes")}
    kept = {name: [row for row in rows if row["session"] <= day(newest)] for name, rows in tables.items()}
    publish_market(tmp_path, {**TABLES_OF_DATA, **kept, "raw.daily_bars": BARS})
    assert ask(tmp_path, line)["stale"] is stale


@pytest.mark.slow
def test_prices_without_new_flows_go_stale_after_a_week(tmp_path: Path, clock: FixedClock) -> None:
    # Issuance goes on: it is no flow of a fund.
    known = [row if row["session"] <= day(13) or row["symbol"] == "BTC" else {**row, "flow_usd": None} for row in FLOWS]
    publish_market(tmp_path, {**TABLES_OF_DATA, "core.asset_flows": known})
    assert ask(tmp_path, "cross-asset flows")["stale"] is False
    clock.sleep(86_400)
    assert ask(tmp_path, "cross-asset flows")["stale"] is True
    assert ask(tmp_path, "cross-asset regimes")["stale"] is False


@pytest.mark.slow
def test_regimes_without_a_new_vix_are_stale_and_say_so(tmp_path: Path) -> None:
    without = {"vix": None, "vix_percentile": None}
    late = [{**row, **(without if row["session"] > day(13) else {})} for row in REGIMES]
    publish_market(tmp_path, {**TABLES_OF_DATA, "mart.regimes": late})
    assert ask(tmp_path, "cross-asset regimes")["stale"] is True
    assert "newest VIX is of 2026-11-13" in invoke(tmp_path, "cross-asset regimes --format table").stdout


@pytest.mark.slow
def test_the_age_of_a_regime_is_that_of_its_older_fetch(tmp_path: Path) -> None:
    older = [{**row, "fetched_at": FETCHED - timedelta(hours=1)} for row in VOLATILITY]
    publish_market(tmp_path, {**TABLES_OF_DATA, "raw.volatility_index": older})
    assert datetime.fromisoformat(ask(tmp_path, "cross-asset regimes")["as_of"]) == FETCHED - timedelta(hours=1)


@pytest.mark.parametrize("line", ANSWERED)
def test_the_table_has_heading_list_summary_and_notes(market: Path, line: str) -> None:
    lines = invoke(market, f"{line} --format table").stdout.splitlines()
    assert lines[0].endswith("UTC")
    assert [text for text in lines if text and set(text) == {"─"}]
    assert "NaN" not in "\n".join(lines)
    assert [text for text in lines if text.startswith("* ")]
    assert max(map(len, lines)) <= PAGE_WIDTH


def test_the_table_of_who_gained_has_the_question_and_the_caveat(market: Path) -> None:
    text = invoke(market, "cross-asset who-gained SPY --days 3 --format table").stdout
    assert text.splitlines()[1] == "SPY lost $200.0 million over 3 sessions: which assets gained?"
    assert "   1  GLD                     Gold (XAU)                            96.0       48.0" in text
    assert "* Proportional attribution, not observed transfers" in text
    assert "* QQQ: flow unknown" in text


def test_the_table_of_flows_gives_people_units(market: Path) -> None:
    text = invoke(market, "cross-asset flows --days 3 --format table").stdout
    assert "   4  SPY    equity        -200.0              -2.00      3" in text
    assert "Stablecoins issued (a change of supply, not ranked): 100.0 M USD" in text
    assert "Regime on 2026-11-19: risk-off; VIX 24.00" in text


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("cross-asset flows --days 3", {"rank": "1", "symbol": "GLD", "flow_usd": "120000000.0", "why": ""}),
        ("cross-asset who-gained SPY --days 3", {"symbol": "GLD", "attributed_usd": "96000000.0", "share_pct": "48.0"}),
        ("cross-asset regimes --days 3", {"session": "2026-11-17", "regime": "risk_off", "is_backwardation": "true"}),
        ("score", {"symbol": "BTC", "probability": "0.5", "session": "2026-11-18"}),
    ],
)
def test_csv_is_the_main_list_flat(market: Path, line: str, first: dict[str, str]) -> None:
    rows = list(csv.DictReader(io.StringIO(invoke(market, f"{line} --format csv").stdout)))
    assert rows[0] | first == rows[0]
    assert "synthetic" not in rows[0]


def test_csv_without_rows_says_why_on_standard_error(market: Path) -> None:
    result = invoke(market, "cross-asset who-gained QQQ --format csv")
    assert (result.exit_code, result.stdout.count("\n")) == (0, 1)
    assert result.stderr.startswith("warning: The flow of QQQ over 6 sessions is unknown: no source")


@pytest.mark.slow
@pytest.mark.parametrize("line", ANSWERED)
def test_the_tutorials_figures_are_marked_and_never_age(
    market: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.chdir(market)
    clock.sleep(400 * 86_400)
    body = ask(market, line, tutorial=True)
    assert body["synthetic"] is True
    assert body["source"].startswith("Synthetic: a made-up market")
    assert body["stale"] is False
    lines = invoke(market, f"{line} --format table", tutorial=True).stdout.splitlines()
    assert lines[1] == "SYNTHETIC: the tutorial's made-up figures, about no real asset"
    rows = list(csv.DictReader(io.StringIO(invoke(market, f"{line} --format csv", tutorial=True).stdout)))
    assert {row["synthetic"] for row in rows} == {"true"}


@pytest.mark.slow
def test_prices_that_call_themselves_synthetic_are_so_outside_of_the_tutorial_too(tmp_path: Path) -> None:
    bars = [{**row, "source": "folder:synthetic"} for row in BARS]
    publish_market(tmp_path, {**TABLES_OF_DATA, "raw.daily_bars": bars})
    assert [ask(tmp_path, line)["synthetic"] for line in FETCHING] == [True] * len(FETCHING)


@pytest.mark.parametrize("line", FETCHING)
def test_before_the_first_fetch_the_command_that_fetches_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "config.toml").write_text("[cross_asset]\n")
    caught = fault(tmp_path, line)
    assert caught.exit_code == 1
    assert "no cross-asset data" in str(caught)
    assert f"fetch it: marketflows --config {tmp_path / 'config.toml'} {line} --refresh" in str(caught)


@pytest.mark.slow
def test_a_file_without_this_part_names_it_too(tmp_path: Path) -> None:
    publish_market(tmp_path, {})
    for line in FETCHING:
        assert f"{line} --refresh" in str(fault(tmp_path, line))


def test_without_the_table_in_the_config_it_is_said_to_add_it(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("")
    assert "has no table [cross_asset]: add it" in str(fault(tmp_path, "cross-asset flows"))


@pytest.mark.parametrize(
    "line",
    [
        "cross-asset flows 5",
        "cross-asset flows --days 0",
        "cross-asset flows --days many",
        "cross-asset flows --format parquet",
        "cross-asset who-gained",
        "cross-asset who-gained SPY --days -1",
        "cross-asset regimes --include-issuance",
        "cross-asset gossip",
        "score --days 5",
        "train --horizon 6",
        "train --target price",
        "train --model oracle",
        "train --refresh",
    ],
)
def test_a_wrong_command_line_is_a_usage_error(market: Path, line: str) -> None:
    result = invoke(market, line)
    assert result.exit_code == 2
    assert "Error:" in result.output
    assert result.stdout == ""


@pytest.mark.parametrize("line", ANSWERED)
def test_refresh_runs_the_part_first_and_a_failed_run_gives_no_answer(
    market: Path, refreshed: list[tuple[str, RunOptions]], line: str
) -> None:
    assert ask(market, f"{line} --refresh")["as_of"]
    [(job, options)] = refreshed
    assert (job, options.asks_again) == (("score_models", False) if line == "score" else ("cross_asset_refresh", True))
    failed = invoke(market, f"{line} --refresh")
    assert (failed.exit_code, failed.stdout) == (1, "")


@pytest.mark.slow
@pytest.mark.parametrize("line", one_quick(ANSWERED))
def test_the_program_answers_without_dagster_and_scikit_learn(market: Path, line: str) -> None:
    """Only what ranks flows loads polars, for the transforms of the pipeline."""
    done = program(market, *line.split())
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["as_of"]
    assert done.stderr.strip() == ("polars" if "flows" in line or "who-gained" in line else "")


@pytest.mark.slow
def test_the_programs_faults_have_their_exit_codes_and_one_line(market: Path, tmp_path: Path) -> None:
    unknown = program(market, "cross-asset", "who-gained", "SPX")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    error, heavy = unknown.stderr.splitlines()
    assert error.startswith('error: no asset "SPX"')
    assert heavy == "polars"
    (tmp_path / "config.toml").write_text("[cross_asset]\n")
    empty = program(tmp_path, "cross-asset", "flows")
    assert (empty.returncode, empty.stdout) == (1, "")
    assert "fetch it: marketflows cross-asset flows --refresh" in empty.stderr
    assert "Traceback" not in empty.stderr
