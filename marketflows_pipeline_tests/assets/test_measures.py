"""Computing measures: what is left as it is, what is computed beside, and what a failure leaves stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from marketflows_pipeline.assets.measures import Measure, computed_beside, update, with_inputs
from marketflows_pipeline.charts.rendering.render import Drawing
from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.progress import LogReporter
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.settings import Settings
from marketflows_pipeline_tests.warehouse.empty import new_warehouse
from marketflows_pipeline_tests.warehouse.frames import NOW, frame

FIRST, SECOND = "mart.dominance", "mart.market_map"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunContext]:
    with new_warehouse(tmp_path / "warehouse.duckdb") as warehouse:
        settings, drawing = Settings.model_validate({}), Drawing(tmp_path)
        yield RunContext("run", RunOptions(), settings, FixedClock(NOW), NOW, warehouse, LogReporter(), drawing)


@pytest.fixture
def computed() -> list[str]:
    """The tables that were computed, in order."""
    return []


def measure_of(name: str, computed: list[str], *, fails: bool = False) -> Measure:
    def compute(_: RunContext) -> pl.DataFrame:
        computed.append(name)
        if fails:
            raise ValueError("no figures")
        return frame(name, {})

    return Measure(name, (), compute)


def stored(run: RunContext) -> list[str]:
    return [name for name in (FIRST, SECOND) if name in run.warehouse.tables()]


@pytest.mark.slow
def test_a_table_is_computed_again_only_if_its_inputs_have_changed(run: RunContext, computed: list[str]) -> None:
    first, second = measure_of(FIRST, computed), measure_of(SECOND, computed)
    for inputs in ("a", "a", "b"):
        list(update(run, [*with_inputs([first], inputs), second]))
    assert computed == [FIRST, SECOND, SECOND, FIRST, SECOND]


def test_of_tables_stored_one_by_one_those_before_a_failure_stay(run: RunContext, computed: list[str]) -> None:
    measures = with_inputs([measure_of(FIRST, computed), measure_of(SECOND, computed, fails=True)], "a")
    with pytest.raises(ValueError, match="no figures"):
        list(update(run, measures))
    assert stored(run) == [FIRST]


def test_of_tables_stored_at_once_none_stays_and_all_are_computed_by_the_next_run(
    run: RunContext, computed: list[str]
) -> None:
    first, second = with_inputs([measure_of(FIRST, computed), measure_of(SECOND, computed, fails=True)], "a")
    with pytest.raises(ValueError, match="no figures"):
        list(update(run, [first, second], at_once=True))
    assert stored(run) == []
    list(update(run, [first, replace(second, compute=lambda _: frame(SECOND, {}))], at_once=True))
    assert stored(run) == [FIRST, SECOND]
    assert computed == [FIRST, SECOND, FIRST]


def test_what_is_computed_beside_is_computed_once_in_order_and_not_where_its_inputs_are_as_they_were(
    run: RunContext, computed: list[str]
) -> None:
    first, second = with_inputs([measure_of(FIRST, computed), measure_of(SECOND, computed)], "a")
    list(update(run, [first]))
    with computed_beside(run) as begin:
        begun = [begin(second), begin(first)]
        list(update(run, begun, at_once=True))
    assert (computed, stored(run)) == ([FIRST, SECOND], [FIRST, SECOND])


def test_what_fails_beside_fails_where_it_would_be_stored(run: RunContext, computed: list[str]) -> None:
    (fails,) = with_inputs([measure_of(FIRST, computed, fails=True)], "a")
    with pytest.raises(ValueError, match="no figures"), computed_beside(run) as begin:
        list(update(run, [begin(fails)]))
    assert stored(run) == []
