"""A split or dividend that is listed on two days counts once."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cross_asset.repeated_actions import repeated_actions

Line = tuple[int, str, float, int]


def left_out(*lines: Line, source: str = "yahoo:chart", own: tuple[Line, ...] = ()) -> list[tuple[str, int]]:
    """Kind and day of the lines that count no more; lines are day in September, kind, value and day of the answer."""
    rows = [
        ("XLK", date(2026, 9, day), kind, value, whose, datetime(2026, 10, fetched, tzinfo=UTC))
        for whose, listed in ((source, lines), ("folder:splits", own))
        for day, kind, value, fetched in listed
    ]
    found = repeated_actions(pl.DataFrame(rows, schema=table("raw.corporate_actions").polars_schema, orient="row"))
    assert set(found["symbol"]) <= {"XLK"}
    return [(kind, day.day) for kind, day in found.select("action", "session").iter_rows()]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([(21, "split", 10, 1), (22, "split", 10, 2)], [("split", 21)]),
        ([(21, "split", 10, 2), (22, "split", 10, 1)], [("split", 22)]),
        ([(21, "split", 10, 1), (22, "split", 10, 1)], [("split", 21)]),
        ([(18, "split", 10, 1), (21, "split", 10, 2), (22, "split", 10, 3)], [("split", 18), ("split", 21)]),
        ([(21, "dividend", 0.5, 1), (22, "dividend", 0.5, 2)], [("dividend", 21)]),
    ],
    ids=["moved on", "moved back", "both in one answer", "moved twice", "a dividend"],
)
def test_of_two_days_of_one_action_the_one_listed_last_counts(
    lines: list[Line], expected: list[tuple[str, int]]
) -> None:
    """A split that Yahoo moved to the next session counted twice, and the shares of all years before were tenfold."""
    assert left_out(*lines) == expected


@pytest.mark.parametrize(
    "lines",
    [
        [(21, "split", 10, 1), (22, "split", 2, 2)],
        [(21, "split", 1, 1), (22, "split", 1, 2)],
        [(14, "dividend", 0.5, 1), (21, "dividend", 0.5, 2)],
        [(21, "dividend", 2, 1), (22, "split", 2, 2)],
        [],
    ],
    ids=["another ratio", "denials", "paid every week", "another kind", "nothing"],
)
def test_what_only_looks_alike_counts(lines: list[Line]) -> None:
    assert left_out(*lines) == []


def test_the_user_s_own_line_counts_before_a_later_one_of_the_service() -> None:
    assert left_out((22, "split", 10, 2), own=((21, "split", 10, 1),)) == [("split", 22)]
