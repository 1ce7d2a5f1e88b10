"""Which of the own observations stand beside figures of a second provider."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from marketflows_pipeline.queries.provider_differences import caps_near_checks
from marketflows_pipeline_tests.warehouse.empty import new_warehouse
from marketflows_pipeline_tests.warehouse.frames import NOW, frame

DAY = timedelta(days=1)


def near(path: Path, checks: list[tuple[datetime, datetime | None]], own: list[datetime]) -> list[datetime]:
    """The own observations of one coin that are compared with figures observed then, as of then."""
    with new_warehouse(path / "warehouse.duckdb") as warehouse:
        figures = {"coin_id": "bitcoin", "provider": "other", "other_id": "btc", "mapping_rule": "settings"}
        rows = [{**figures, "observed_at": observed, "ts": ts, "market_cap_usd": 1.0} for observed, ts in checks]
        warehouse.merge("raw.cross_check_caps", frame("raw.cross_check_caps", *rows))
        caps = [
            {"coin_id": "bitcoin", "ts": ts, "market_cap_usd": 1.0, "source": "made up", "fetched_at": NOW}
            for ts in own
        ]
        warehouse.merge("raw.market_caps", frame("raw.market_caps", *caps))
        return sorted(caps_near_checks(warehouse, NOW)["ts"])


def test_two_hours_around_the_hour_of_each_figure_are_near(tmp_path: Path) -> None:
    today = NOW.replace(hour=12, minute=59)
    yesterday = (NOW - DAY).replace(hour=10, minute=5)
    near_it = [yesterday.replace(hour=8, minute=0), yesterday.replace(hour=12, minute=59)]
    near_today = [today.replace(hour=10, minute=0), today.replace(hour=14, minute=59)]
    far = [
        *(yesterday.replace(hour=7, minute=59), yesterday.replace(hour=13, minute=0)),
        *(today.replace(hour=9, minute=59), today.replace(hour=15, minute=0)),
    ]
    assert near(tmp_path, [(yesterday, yesterday), (today, None)], [*near_it, *near_today, *far]) == [
        *near_it, *near_today
    ]  # fmt: skip


def test_nothing_is_near_where_nothing_is_compared(tmp_path: Path) -> None:
    assert near(tmp_path, [], [NOW, NOW - DAY]) == []


def test_figures_of_long_ago_are_not_compared(tmp_path: Path) -> None:
    old = NOW - timedelta(days=401)
    assert near(tmp_path, [(old, old)], [old]) == []
