"""The exchange commands as users meet them: formats, age, the tutorial, faults in one line, exit codes."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.warehouse.table import PAGE_WIDTH
from marketflows_pipeline_tests.cli.asking import ANSWERED, ask, fault, invoke, program
from marketflows_pipeline_tests.cli.reports.exchanges.published_rows import TABLES_OF_DATA, publish_exchanges
from marketflows_pipeline_tests.examples import one_quick

pytestmark = pytest.mark.usefixtures("clock")


@pytest.mark.slow
def test_days_may_be_an_argument_or_an_option_but_not_two_numbers(folder: Path) -> None:
    as_argument = ask(folder, "exchange-netflow binance 2")
    assert as_argument == ask(folder, "exchange-netflow binance --days 2")
    assert as_argument == ask(folder, "exchange-netflow binance 2 --days 2")
    assert as_argument["analysis_period_days"] == 2
    result = invoke(folder, "exchange-netflow binance 2 --days 3")
    assert result.exit_code == 2
    assert "give one of them" in result.output


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "hours", "stale"),
    [
        # Observed half an hour before: 2 h old after another 1.5.
        ("exchange-flows", 1.5, False),
        ("exchange-flows", 1.6, True),
        ("whale-movements", 1.6, True),
        ("exchange-tvl", 1.6, True),
        ("exchange-dominance", 1.6, True),
        # Asked for ten hours before: 26 h old after another 16. The later fetch was not published.
        ("exchange-netflow binance", 16, False),
        ("exchange-netflow binance", 16.1, True),
        ("exchange-netflow gdax", 25.5, False),
        ("exchange-netflow gdax", 25.6, True),
    ],
)
def test_an_answer_that_is_too_old_says_so(
    folder: Path, clock: FixedClock, line: str, hours: float, *, stale: bool
) -> None:
    clock.sleep(hours * 3600)
    assert ask(folder, line)["stale"] is stale
    table = invoke(folder, f"{line} --format table").stdout.splitlines()[0]
    assert ("STALE" in table) is stale
    assert ("stale" in invoke(folder, f"{line} --format csv").stderr) is stale


def test_decentralised_tvl_has_a_daily_limit_of_its_own(folder: Path, clock: FixedClock) -> None:
    clock.sleep(3 * 3600)
    body = ask(folder, "exchange-tvl")
    assert (body["stale"], body["decentralised"]["stale"]) == (True, False)


@pytest.mark.parametrize("line", ANSWERED)
def test_the_table_has_heading_list_summary_and_notes(folder: Path, line: str) -> None:
    lines = invoke(folder, f"{line} --format table").stdout.splitlines()
    assert lines[0].endswith("UTC")
    assert [text for text in lines if text and set(text) == {"─"}]
    assert "NaN" not in "\n".join(lines)
    assert [text for text in lines if text.startswith("* ")]
    assert max(map(len, lines)) <= PAGE_WIDTH


def test_the_table_gives_people_units_and_thousands(folder: Path) -> None:
    text = invoke(folder, "exchange-flows --format table").stdout
    assert "1  Binance              10,000    900.0      50.00             25.0     2.12  up       10.0" in text
    assert "20,000 BTC, 1.80 billion USD in 24 h" in text


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("exchange-flows", {"exchange": "Binance", "volume_24h_btc": "10000.0", "country": ""}),
        ("exchange-netflow binance", {"day": "2026-11-17", "netflow_usd": "", "reason": "first record"}),
        ("whale-movements", {"coin": "Pepe", "is_trending": "true"}),
        ("exchange-tvl", {"kind": "cex", "chains": "Ethereum, Bitcoin"}),
        ("exchange-dominance", {"exchange": "Binance", "market_dominance_pct": "50.0", "value_unit": "BTC"}),
    ],
)
def test_csv_is_the_main_list_flat(folder: Path, line: str, first: dict[str, str]) -> None:
    rows = list(csv.DictReader(io.StringIO(invoke(folder, f"{line} --format csv").stdout)))
    assert rows[0] | first == rows[0]
    assert "synthetic" not in rows[0]


def test_csv_of_an_empty_list_still_names_its_columns(folder: Path) -> None:
    text = invoke(folder, "exchange-netflow gdax --format csv").stdout
    assert text.startswith("day,previous_day,netflow_usd")
    assert text.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("line", ANSWERED)
def test_the_tutorials_figures_are_marked_and_never_age(
    folder: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.chdir(folder)
    clock.sleep(400 * 86_400)
    body = ask(folder, line, tutorial=True)
    assert body["synthetic"] is True
    assert body["source"].startswith("Synthetic")
    assert body["stale"] is False
    assert "SYNTHETIC" in invoke(folder, f"{line} --format table", tutorial=True).stdout.splitlines()[1]
    rows = list(csv.DictReader(io.StringIO(invoke(folder, f"{line} --format csv", tutorial=True).stdout)))
    assert {row["synthetic"] for row in rows} == {"true"}


@pytest.mark.parametrize("line", ANSWERED)
def test_before_the_first_fetch_the_command_that_fetches_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "config.toml").write_text("[exchanges]\n")
    caught = fault(tmp_path, line)
    assert caught.exit_code == 1
    assert f"marketflows --config {tmp_path / 'config.toml'} {line} --refresh" in str(caught)


@pytest.mark.slow
def test_a_file_without_this_part_names_it_too(tmp_path: Path) -> None:
    publish_exchanges(tmp_path, {})
    for line in ANSWERED:
        assert f"{line} --refresh" in str(fault(tmp_path, line))


def test_without_the_table_in_the_config_it_is_said_to_add_it(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("")
    assert "has no table [exchanges]: add it" in str(fault(tmp_path, "exchange-flows"))


@pytest.mark.slow
def test_hourly_data_answers_before_the_first_daily_run(tmp_path: Path) -> None:
    daily = {"mart.exchange_netflow", "meta.fetches", "mart.exchange_coverage", "raw.excluded_coins"}
    publish_exchanges(tmp_path, {name: rows for name, rows in TABLES_OF_DATA.items() if name not in daily})
    assert ask(tmp_path, "exchange-flows")["coverage"]["last_full_listing_at"] is None
    assert ask(tmp_path, "whale-movements")["coverage"]["excluded_categories"] == []
    assert ask(tmp_path, "exchange-tvl")["coverage"]["largest_without_reserves"] == []
    assert ask(tmp_path, "exchange-netflow gdax")["netflow_usd"] is None
    assert "exchange-netflow binance --refresh" in str(fault(tmp_path, "exchange-netflow binance"))


@pytest.mark.parametrize(
    "line",
    [
        "exchange-flows 0",
        "exchange-flows -3",
        "exchange-flows many",
        "exchange-flows 1.5",
        "exchange-flows --format parquet",
        "exchange-netflow",
        "exchange-netflow binance 0",
        "exchange-netflow binance --days -1",
        "whale-movements 0",
        "whale-movements nan",
        "whale-movements inf",
        "exchange-tvl 5",
        "exchange-dominance --measure fame",
        "exchange-dominance --segment some",
    ],
)
def test_a_wrong_command_line_is_a_usage_error(folder: Path, line: str) -> None:
    result = invoke(folder, line)
    assert result.exit_code == 2
    assert "Error:" in result.output
    assert result.stdout == ""


@pytest.mark.parametrize("line", ANSWERED)
def test_refresh_runs_the_part_first_and_a_failed_run_gives_no_answer(
    folder: Path, refreshed: list[tuple[str, RunOptions]], line: str
) -> None:
    assert ask(folder, f"{line} --refresh")["as_of"]
    [(job, options)] = refreshed
    is_daily = line.startswith("exchange-netflow")
    assert job == ("daily_refresh" if is_daily else "exchange_refresh"), "netflow needs what is fetched daily"
    assert options.asks_again is is_daily
    failed = invoke(folder, f"{line} --refresh")
    assert (failed.exit_code, failed.stdout) == (1, "")


@pytest.mark.slow
@pytest.mark.parametrize("line", one_quick(ANSWERED))
def test_the_program_answers_without_dagster_and_polars(folder: Path, line: str) -> None:
    done = program(folder, *line.split())
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["as_of"]
    assert done.stderr.strip() == ""


@pytest.mark.slow
def test_the_program_marks_the_tutorial(folder: Path) -> None:
    done = program(folder, "--tutorial", "exchange-flows", "5")
    assert json.loads(done.stdout)["synthetic"] is True


@pytest.mark.slow
def test_the_programs_faults_have_their_exit_codes_and_one_line(folder: Path, tmp_path: Path) -> None:
    unknown = program(folder, "exchange-netflow", "binanec")
    assert (unknown.returncode, unknown.stdout, unknown.stderr.strip().count("\n")) == (2, "", 0)
    assert unknown.stderr.startswith("error: no exchange")
    shutil.copy(folder / "config.toml", tmp_path)
    empty = program(tmp_path, "exchange-flows")
    assert (empty.returncode, empty.stdout) == (1, "")
    assert "fetch it: marketflows exchange-flows --refresh" in empty.stderr
    assert "Traceback" not in empty.stderr
