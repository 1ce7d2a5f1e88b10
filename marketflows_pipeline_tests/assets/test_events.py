"""Storing events: what stays, what goes, when one was first seen, and what a failure costs."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from marketflows_pipeline.assets import events
from marketflows_pipeline.assets.events import update_events
from marketflows_pipeline.charts.rendering.render import Drawing
from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import Stopped
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.progress import LogReporter
from marketflows_pipeline.queries.events.finding import EVENTS, events_of_kind
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.queries.events.stores import empty_file, private, tmp_path, warehouse
from marketflows_pipeline_tests.queries.events.test_evidence import NOW, store_index
from marketflows_pipeline_tests.warehouse.frames import frame

__all__ = ["empty_file", "private", "tmp_path", "warehouse"]

HOUR = timedelta(hours=1)


def run_at(warehouse: Warehouse, hours: int = 0) -> RunContext:
    now = NOW + hours * HOUR
    drawing = Drawing(warehouse.path.parent)
    return RunContext("run", RunOptions(), Settings(), FixedClock(now), now, warehouse, LogReporter(), drawing)


def stored(warehouse: Warehouse, *columns: str) -> list[Any]:
    return warehouse.read(EVENTS).select("kind", *columns).rows()


@pytest.mark.slow
def test_an_event_is_first_seen_by_the_run_that_found_it_first(warehouse: Warehouse) -> None:
    store_index(warehouse, "layer-1")
    assert update_events(run_at(warehouse), "market_caps") == 1
    assert stored(warehouse, "first_seen_at") == [("index_move", NOW)]
    # What is computed anew, as after a revision of a figure, is the same event.
    store_index(warehouse, "layer-1", n_days=61)
    assert update_events(run_at(warehouse, hours=1), "market_caps") == 1
    assert stored(warehouse, "first_seen_at", "n_past") == [("index_move", NOW, 60)]


@pytest.mark.slow
def test_what_a_later_run_does_not_find_is_gone(warehouse: Warehouse) -> None:
    store_index(warehouse, "layer-1")
    update_events(run_at(warehouse), "market_caps")
    store_index(warehouse, "layer-1", n_days=10)
    assert update_events(run_at(warehouse), "market_caps") == 0
    assert stored(warehouse) == []


@pytest.mark.slow
def test_events_of_other_parts_stay(warehouse: Warehouse) -> None:
    warehouse.replace(EVENTS, frame(EVENTS, {"event_id": "k:s:d", "kind": "k", "part": "exchanges", "as_of": NOW}))
    store_index(warehouse, "layer-1")
    update_events(run_at(warehouse), "market_caps")
    assert sorted(stored(warehouse)) == [("index_move",), ("k",)]


@pytest.mark.slow
def test_unchanged_tables_are_not_looked_at_again(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    store_index(warehouse, "layer-1")
    update_events(run_at(warehouse), "market_caps")
    looked_at: list[str] = []

    def counted(store: Warehouse, kind: Any, *moments: Any) -> Any:
        looked_at.append(kind.name)
        return events_of_kind(store, kind, *moments)

    monkeypatch.setattr(events, "events_of_kind", counted)
    assert update_events(run_at(warehouse, hours=1), "market_caps") == 1
    assert looked_at == []
    store_index(warehouse, "layer-2")
    update_events(run_at(warehouse, hours=2), "market_caps")
    assert set(looked_at) == {"index_move", "leadership_change", "member_change", "coverage_lost"}
    # The table of events was lost, or is another version's: all is looked for.
    looked_at.clear()
    warehouse.execute("drop table mart.events")
    assert update_events(run_at(warehouse, hours=3), "market_caps") == 1
    assert len(looked_at) > 10


@pytest.mark.slow
def test_an_event_goes_after_thirty_days_though_its_tables_stay(warehouse: Warehouse) -> None:
    store_index(warehouse, "layer-1")
    update_events(run_at(warehouse), "market_caps")
    assert update_events(run_at(warehouse, hours=31 * 24), "market_caps") == 0


@pytest.mark.slow
def test_a_kind_that_fails_costs_a_line_and_no_other_kind(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    store_index(warehouse, "layer-1")

    def failing(store: Warehouse, kind: Any, *moments: Any) -> Any:
        if kind.name == "breadth_thrust":
            raise ZeroDivisionError("in two\nlines")
        return events_of_kind(store, kind, *moments)

    monkeypatch.setattr(events, "events_of_kind", failing)
    assert update_events(run_at(warehouse), "market_caps") == 1
    warned = [record.getMessage() for record in log.records if record.levelname == "WARNING"]
    assert warned == [
        "events of kind breadth_thrust in market_caps could not be found: ZeroDivisionError: in two lines"
    ]
    # It is looked for again, though its tables are as they were.
    monkeypatch.setattr(events, "events_of_kind", events_of_kind)
    log.clear()
    update_events(run_at(warehouse, hours=1), "market_caps")
    assert not log.records


def test_a_failure_of_all_of_it_stops_nothing(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    def failing(*_: Any) -> Any:
        raise OSError("no space")

    monkeypatch.setattr(events, "event_fingerprints", failing)
    step = events.market_cap_events.op.compute_fn.decorated_fn  # type: ignore[union-attr]
    result = step(run_at(warehouse))
    assert result.metadata["failed"] == "OSError: no space"
    assert "events of market_caps are as they were: OSError: no space" in log.text


@pytest.mark.parametrize("stop", [KeyboardInterrupt, Stopped])
def test_a_signal_stops_it_whatever_a_library_made_of_it(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, stop: type[BaseException]
) -> None:
    def stopped(*_: Any) -> Any:
        try:
            raise stop
        except BaseException as signal:
            raise RuntimeError("Query interrupted") from signal

    step = events.market_cap_events.op.compute_fn.decorated_fn  # type: ignore[union-attr]
    for place in ("events_of_kind", "event_fingerprints"):
        monkeypatch.setattr(events, place, stopped)
        with pytest.raises(RuntimeError, match="interrupted"):
            step(run_at(warehouse))


@pytest.mark.slow
def test_the_file_is_left_alone_where_nothing_changed(warehouse: Warehouse, private: Path) -> None:
    store_index(warehouse, "layer-1")
    update_events(run_at(warehouse), "market_caps")
    warehouse.checkpoint()
    before = private.stat().st_mtime_ns
    update_events(run_at(warehouse, hours=1), "market_caps")
    assert private.stat().st_mtime_ns == before
