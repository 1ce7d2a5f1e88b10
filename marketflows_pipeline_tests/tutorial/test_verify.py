"""A run that differs from the golden result is told where."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from marketflows_pipeline.tutorial.files import PACKAGED
from marketflows_pipeline.tutorial.verify import compare_log, compare_tables, compare_with_golden

Read = Callable[[str], pl.DataFrame]


def _golden(name: str) -> pl.DataFrame:
    return pl.read_parquet(PACKAGED / f"golden.{name}.parquet")


def _with(name: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Read:
    """The golden tables, one of them changed."""
    return lambda asked: change(_golden(asked)) if asked == name else _golden(asked)


def _differences(name: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> list[str]:
    return [str(difference) for difference in compare_tables(_with(name, change))]


@pytest.mark.slow
def test_the_golden_tables_match_themselves() -> None:
    assert compare_tables(_golden) == []


@pytest.mark.slow
def test_order_of_rows_and_resolution_of_time_are_no_difference() -> None:
    time = pl.col("ts").cast(pl.Datetime("us", "UTC"))
    assert _differences("mart.ema", lambda frame: frame.reverse().with_columns(time)) == []


def _moved(by: float) -> Callable[[pl.DataFrame], pl.DataFrame]:
    row = (pl.col("series") == "layer-1") & (pl.col("base_asset") == "us-dollar") & (pl.col("ts").dt.month() == 1)
    last = row & (pl.col("ts").dt.day() == 31)
    return lambda frame: frame.with_columns(value=pl.when(last).then(pl.col("value") * (1 + by)).otherwise("value"))


@pytest.mark.slow
def test_a_number_off_by_less_than_a_billionth_is_no_difference() -> None:
    assert _differences("mart.normalized", _moved(5e-10)) == []


@pytest.mark.slow
def test_a_number_off_by_more_than_a_billionth_is_named_with_its_row() -> None:
    (difference,) = _differences("mart.normalized", _moved(1e-8))
    assert difference.startswith(
        "mart.normalized.value: 1 rows differ, most at category Narratives, series layer-1, base_asset us-dollar, "
        "ts 2026-01-31 00:00:00+00:00: expected 1."
    )


@pytest.mark.slow
def test_the_row_that_differs_most_is_named() -> None:
    off = pl.when(pl.col("ts").dt.day() == 9).then(1.5).otherwise(1.001)
    (difference,) = _differences("mart.normalized", lambda frame: frame.with_columns(pl.col("value") * off))
    assert f"{_golden('mart.normalized').height} rows differ, most at" in difference
    assert "-09 00:00:00" in difference


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mart.normalized", "mart.derivatives", "mart.percent_gains"])
def test_a_value_where_null_is_expected_and_the_other_way_round_are_differences(name: str) -> None:
    column = "gain_pct" if name == "mart.percent_gains" else "value"
    nulls = _golden(name)[column].null_count()
    if nulls:
        (filled,) = _differences(name, lambda frame: frame.with_columns(pl.col(column).fill_null(0.0)))
        assert f"{nulls} rows differ" in filled
        assert "expected null, found 0.0" in filled
    (emptied,) = _differences(name, lambda frame: frame.with_columns(pl.lit(None, pl.Float64).alias(column)))
    assert emptied.endswith("found null")


@pytest.mark.slow
def test_not_a_number_is_a_difference() -> None:
    (difference,) = _differences("mart.ema", lambda frame: frame.with_columns(value=pl.lit(float("nan"))))
    assert difference.endswith("found nan")


@pytest.mark.slow
def test_words_have_to_be_equal() -> None:
    (difference,) = _differences("core.market_cap_grid", lambda frame: frame.with_columns(fill=pl.lit("observed")))
    assert "core.market_cap_grid.fill: 286 rows differ" in difference
    assert difference.endswith("expected 'before_first', found 'observed'")


@pytest.mark.slow
def test_rows_missing_and_rows_too_many_are_named() -> None:
    missing = _differences("core.group_totals", lambda frame: frame.filter(pl.col("series") != "layer-1"))
    assert missing[0].startswith("core.group_totals.rows: 366 rows differ, most at category Narratives, series layer-1")
    assert missing[0].endswith("expected a row, found none")

    extra = pl.lit("new").alias("series")
    more = _differences("core.group_totals", lambda frame: pl.concat([frame, frame.head(1).with_columns(extra)]))
    assert more == [
        "core.group_totals.rows: 1 rows differ, most at category Majors, series new, ts 2025-03-04 00:00:00+00:00: "
        "expected no row, found one"
    ]


LOG = """\
2026-03-04 11:14:16,123 INFO run 0d3f8a52-8f0e-4c38-9b6e-27a2b1d1c0aa starts
2026-03-04 11:14:17,001 INFO 17 coins followed: 1564 new observations, 0 calls
2026-03-04 11:14:18,500 INFO charts drawn in 3.25 s, 5.5 MB published in 12 ms to /home/ada/clone/file.duckdb
"""


def test_when_how_long_where_and_under_which_id_is_no_difference() -> None:
    other = (
        LOG.replace("2026-03-04 11:14:1", "2030-12-31 23:59:5")
        .replace("0d3f8a52-8f0e-4c38-9b6e-27a2b1d1c0aa", "ffffffff-8f0e-4c38-9b6e-27a2b1d1c0aa")
        .replace("3.25 s", "1 minute")
        .replace("5.5 MB", "880 kB")
        .replace("12 ms", "0.8s")
        .replace("/home/ada/clone/", "../Ada's other clone/")
        .replace("file.duckdb", "her file.duckdb")
    )
    assert compare_log(LOG, other) == []


@pytest.mark.parametrize(
    "line",
    [
        "DEBUG chatter",
        "INFO Drawing: 1 of 130",
        "INFO Drawing: 26 of 130, about 43 s left",
        "INFO Drawing: 26 of 130, about 6 min left",
        "INFO Waiting up to 60 s for another run (pid 7, started 2026-03-04 11:14:16 UTC: marketflows)",
        "INFO removed 1 of Old that settings and data no longer call for: Old_MC_by_bitcoin.png",
    ],
)
def test_a_line_about_the_circumstances_is_no_difference(line: str) -> None:
    assert compare_log(LOG, f"2030-01-01 00:00:00,000 {line}\n{LOG}") == []


def test_another_count_is_a_difference() -> None:
    assert compare_log(LOG, LOG.replace("1564 new", "1563 new")) == [
        "- INFO 17 coins followed: 1564 new observations, 0 calls",
        "+ INFO 17 coins followed: 1563 new observations, 0 calls",
    ]


def test_a_line_missing_or_too_many_is_a_difference() -> None:
    *most, last = LOG.splitlines(keepends=True)
    assert compare_log(LOG, "".join(most))[0].startswith("- INFO charts drawn")
    assert compare_log(LOG, LOG + last.replace("INFO", "WARNING"))[0].startswith("+ WARNING charts drawn")


@pytest.mark.slow
def test_tables_and_log_are_reported_together_and_a_long_log_is_cut(tmp_path: Path) -> None:
    for file in PACKAGED.glob("golden.*.parquet"):
        shutil.copy(file, tmp_path)
    (tmp_path / "expected_marketflows.log").write_text(LOG, encoding="utf-8")
    assert compare_with_golden(_golden, LOG, folder=tmp_path) == []

    chatter = "".join(f"2026-03-04 11:14:19,000 INFO coin number {number}\n" for number in range(30))
    lines = compare_with_golden(_with("mart.normalized", _moved(0.1)), LOG + chatter, folder=tmp_path)
    assert lines[0].startswith("mart.normalized.value: 1 rows differ")
    assert lines[1] == "log: + INFO coin number 0"
    assert lines[-1] == "log: and 10 more lines"


def test_pictures_of_trained_models_are_no_difference() -> None:
    """A tutorial keeps the models that were trained in it, and then draws them too."""
    expected = "2026-11-21 15:02:06,538 INFO 12 pictures are up to date in /clone/output_plots_tutorial\n"
    trained = "2026-11-21 15:02:06,538 INFO 2 pictures of trained models are up to date\n"
    assert compare_log(expected, expected + trained) == []


@pytest.mark.slow
def test_without_a_log_only_tables_are_compared() -> None:
    assert compare_with_golden(_golden, None) == []
