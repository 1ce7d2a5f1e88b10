"""Missing is missing in every line of the page: none leads over a day or step that is not known."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
import vl_convert

from marketflows_pipeline.report.gaps import UNBROKEN, course, with_stretches
from marketflows_pipeline.report.model import Card
from marketflows_pipeline.report.published import open_published_file
from marketflows_pipeline.report.sections import SECTIONS
from marketflows_pipeline.report.sections.series import thinned
from marketflows_pipeline_tests.report.sections.cards import complete, has_lines
from marketflows_pipeline_tests.report.sections.published_coins import CLOSE, NOW
from marketflows_pipeline_tests.tutorial.run import TutorialRun

# Where the eighth and the tenth newest times have no row, so that the ninth stands alone.
_TIMES = {
    "mart.metrics": "ts",
    "core.group_totals": "ts",
    "mart.narrative_index": "ts",
    "mart.dominance": "ts",
    "mart.breadth": "ts",
    "mart.rotation": "ts",
    "mart.cross_asset_rotation": "ts",
    "mart.exchange_netflow": "day",
    "mart.exchange_dominance": "day",
}
_VIEWS = ("mart.metrics", "mart.narrative_index")
_MISSING = "(select distinct {time} from {table} order by 1 desc limit 1 offset {place})"
_LINE = re.compile(r'class="mark-line.*?</g>', re.DOTALL)
_PATH = re.compile(r' d="([^"]*)"')
# The dot of a value between two gaps, by its radius.
_DOT = "M2,0A2,2,"


def curves(card: Card) -> tuple[int, int]:
    """How many pieces of lines of more than one point a drawn card has, and how many dots of lone values."""
    svg = vl_convert.vegalite_to_svg(complete(card))
    paths = [path for group in _LINE.findall(svg) for path in _PATH.findall(group)]
    pieces = [piece for path in paths for piece in path.split("M") if "L" in piece]
    return len(pieces), sum(_DOT in path for path in _PATH.findall(svg))


def cards_with_lines(path: Path) -> dict[str, Card]:
    with open_published_file(path, is_tutorial=True, now=NOW) as file:
        cards = [card for build in SECTIONS for card in build(file).cards]
    return {card.key: card for card in cards if card.spec is not None and has_lines(card.spec)}


@pytest.fixture(scope="module")
def whole_and_with_gaps(
    tutorial_run: TutorialRun, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Mapping[str, Card], Mapping[str, Card]]:
    """Every card with lines, of the tutorial and of the same without some rows and values near the end."""
    copy = tmp_path_factory.mktemp("gaps") / "marketflows_tutorial.duckdb"
    shutil.copyfile(tutorial_run.published, copy)
    with duckdb.connect(copy) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for table, time in _TIMES.items():
            connection.execute(f"create or replace temp table rows_of_one as from {table}")
            kind = "view" if table in _VIEWS else "table"
            connection.execute(f"drop {kind} {table}")
            for place in (9, 7):
                missing = _MISSING.format(time=time, table="rows_of_one", place=place)
                connection.execute(f"delete from rows_of_one where {time} = {missing}")
            connection.execute(f"create table {table} as from rows_of_one")
        for place in (9, 7):
            missing = _MISSING.format(time="session", table="mart.regimes", place=place)
            connection.execute(f"update mart.regimes set vix = null where session = {missing}")
    return cards_with_lines(tutorial_run.published), cards_with_lines(copy)


@pytest.mark.slow
def test_every_line_of_the_page_breaks_where_nothing_is_known_and_shows_what_stands_alone(
    whole_and_with_gaps: tuple[Mapping[str, Card], Mapping[str, Card]],
) -> None:
    """The index of concentration went on over two days of January of which no exchange had been asked."""
    whole, with_gaps = whole_and_with_gaps
    assert whole.keys() == with_gaps.keys()
    assert len(whole) > 10

    wrong = {}
    for key, card in with_gaps.items():
        before, after = curves(whole[key]), curves(card)
        pieces, dots = after[0] - before[0], after[1] - before[1]
        if pieces < 1 or dots != pieces:
            wrong[key] = (before, after)
    assert not wrong


def daily(*days: int) -> pl.DataFrame:
    return pl.DataFrame(
        [{"label": "A", "ts": CLOSE + timedelta(days=day), "value": float(day)} for day in days],
    )


def test_rows_without_a_gap_stay_as_they_are() -> None:
    rows = daily(0, 1, 2)
    assert with_stretches(rows, ["label"]) is rows
    assert with_stretches(daily(0, 1, 3, 5, 6), ["label"])[UNBROKEN].to_list() == [0, 0, 1, 2, 2]


def test_a_row_without_its_value_is_a_gap_where_the_value_is_named() -> None:
    rows = daily(0, 1, 2, 3).with_columns(value=pl.Series([1.0, None, 2.0, 3.0]))
    assert with_stretches(rows, ["label"], value="value").filter(pl.col("value") > 0)[UNBROKEN].to_list() == [0, 1, 1]


def test_a_thinned_line_keeps_its_gaps_and_what_stands_alone_between_them() -> None:
    """A null that thinning left out would let the line lead over it."""
    rows = daily(*range(100)).with_columns(
        value=pl.when(pl.col("value").is_in([0.0, 41.0, 43.0])).then(None).otherwise("value")
    )
    kept, before = thinned(with_stretches(rows, ["label"]), ["label"], most=10)
    assert before == 100
    near = kept.filter(pl.col("ts").is_between(CLOSE + timedelta(days=41), CLOSE + timedelta(days=44)))
    assert near["value"].to_list() == [None, 42.0, None, 44.0]
    assert kept.height <= 14
    missing = with_stretches(daily(*range(40), 41, *range(43, 100)), ["label"])
    assert 41.0 in thinned(missing, ["label"], most=10)[0]["value"]


def test_a_small_line_has_a_null_for_each_day_without_a_row() -> None:
    assert course(daily(0, 1, 4), "value") == (0.0, 1.0, None, None, 4.0)
    assert course(daily(3), "value") == (3.0,)
