"""A history that comes back changed: the stored index stays, and what it would be is on record, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.pipeline.environment import HISTORY, Environment

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("after_first_run", "measures")]

CLOSE = datetime(2026, 10, 8, tzinfo=UTC)
REVISED = 1.1
LEVELS = "select * from core.index_closes order by all"
RECORDED = (
    "select split_part(key, ',', 2) as series, split_part(key, ',', 3) as base, column_name, old, new"
    " from meta.revisions where table_name = 'core.index_closes' and cause = 'index_correction' order by all"
)


def dearer(body: Any) -> Any:
    """Price and market cap of the last hours before the close, a tenth higher."""
    first, last = ((CLOSE - timedelta(hours=hours)).timestamp() * 1000 for hours in (3, -0.1))
    return body | {
        name: [[at, value * REVISED if first < at < last else value] for at, value in body[name]]
        for name in ("prices", "market_caps")
    }


def test_a_revised_close_is_a_correction_on_record_and_changes_no_stored_level(env: Environment) -> None:
    before = env.stored(LEVELS)
    points = env.stored(
        f"select series, coin_id, points from mart.index_contributions where ts = timestamptz '{CLOSE.isoformat()}'"
    )
    # The histories of a longer window; the first one is of bitcoin, the base asset.
    env.configure(days=14)
    env.service.script(HISTORY, faults.in_json(dearer))

    assert env.run(hours_later=1), env.failure.lines

    stored = env.stored(LEVELS)
    assert stored.join(before, on=before.columns, how="inner", nulls_equal=True).height == before.height
    found = env.stored(RECORDED)
    pair = found.filter(series="Pair", column_name="price_index")
    of_pair = dict(points.filter(series="Pair").select("coin_id", "points").iter_rows())
    old = sum(of_pair.values())
    new = old + (REVISED - 1) * of_pair["bitcoin"]
    assert [row[1] for row in pair.iter_rows()] == ["bitcoin", "us-dollar"]
    (_, _, _, was, would_be) = pair.filter(base="us-dollar").row(0)
    assert (was, would_be) == (pytest.approx(old), pytest.approx(new))
    # In bitcoin the level falls by the tenth and rises by bitcoin's own part of it.
    (_, _, _, was, would_be) = pair.filter(base="bitcoin").row(0)
    assert would_be / was == pytest.approx(new / old / REVISED)

    assert env.run(hours_later=1), env.failure.lines
    assert env.stored(RECORDED).equals(found)


def test_without_a_revision_nothing_is_looked_at(env: Environment) -> None:
    assert env.run(hours_later=1), env.failure.lines

    assert env.stored(RECORDED).is_empty()
    assert env.stored("select 1 from meta.computed where table_name = 'core.index_closes'").is_empty()
