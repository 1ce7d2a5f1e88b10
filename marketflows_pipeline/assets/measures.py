"""Tables that one step computes one after the other: a step of Dagster's costs more than most of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

import dagster as dg
import polars as pl

from marketflows_pipeline.assets.io_manager import as_of_metadata
from marketflows_pipeline.assets.tables import asset_key, table_spec
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import table

COMPUTED = "meta.computed"


@dataclass(frozen=True)
class Measure:
    """One registered table, and what computes it.

    Attributes:
        name: ``schema.table``.
        deps: tables that must be there first.
        compute: gives the whole table.
        before_stored: looks at the new rows beside the stored ones, in the transaction that replaces them.
        inputs: fingerprint of what the table is computed from; None computes it in any case.
    """

    name: str
    deps: tuple[str, ...]
    compute: Callable[[RunContext], pl.DataFrame]
    before_stored: Callable[[RunContext, pl.DataFrame], None] | None = None
    inputs: str | None = None


def measure(
    name: str, *, deps: tuple[str, ...], before_stored: Callable[[RunContext, pl.DataFrame], None] | None = None
) -> Callable[[Callable[[RunContext], pl.DataFrame]], Measure]:
    """Make a `Measure` of the function below it."""
    return lambda compute: Measure(name, deps, compute, before_stored)


def measure_specs(measures: Iterable[Measure]) -> list[dg.AssetSpec]:
    """The specs of these tables."""
    return [table_spec(each.name, deps=map(asset_key, each.deps)) for each in measures]


def with_inputs(measures: Iterable[Measure], inputs: str) -> list[Measure]:
    """The measures, which are computed only if what they are computed from has changed."""
    return [replace(each, inputs=inputs) for each in measures]


def update(
    run: RunContext, measures: Collection[Measure], *, at_once: bool = False
) -> Iterator[dg.MaterializeResult[None]]:
    """Compute and store these tables, without those whose inputs are as they were when they were computed.

    Args:
        run: the run.
        measures: in the order of their dependencies.
        at_once: store all or none; of small tables, a transaction each costs more than what it stores.
    """
    current = _computed_from(run) if any(each.inputs for each in measures) else {}
    results: Iterable[dg.MaterializeResult[None]] = (
        _unchanged(each) if _is_current(each, current) else _computed(run, each) for each in measures
    )
    if at_once:
        with run.warehouse.transaction():
            results = list(results)
    yield from results


def _unchanged(each: Measure) -> dg.MaterializeResult[None]:
    metadata = {"inputs": "unchanged since the table was computed"}
    return dg.MaterializeResult(asset_key=asset_key(each.name), metadata=metadata)


def _computed(run: RunContext, each: Measure) -> dg.MaterializeResult[None]:
    rows = each.compute(run)
    with run.warehouse.transaction():
        if each.before_stored is not None:
            each.before_stored(run, rows)
        n_rows = run.warehouse.replace(each.name, rows)
        if each.inputs is not None:
            noted = pl.DataFrame({"table_name": each.name, "inputs": each.inputs, "computed_at": run.started_at})
            run.warehouse.merge(COMPUTED, noted.cast(pl.Schema(table(COMPUTED).polars_schema)))
    as_of = as_of_metadata(table(each.name), rows, run.clock.now())
    return dg.MaterializeResult(asset_key=asset_key(each.name), metadata={"dagster/row_count": n_rows, **as_of})


@contextmanager
def computed_beside(run: RunContext) -> Iterator[Callable[[Measure], Measure]]:
    """Let one thread compute measures, in their order, while the block goes on, which stores them by `update`.

    Yields:
        What takes a measure with its inputs and gives the one to store. Tables that it reads must stand by then, and
        stay as they are in the block.
    """
    current = _computed_from(run)
    # As many threads as measures would keep the block itself from the processors.
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="measures")

    def begin(due: Measure) -> Measure:
        if _is_current(due, current):
            return due
        rows = thread.submit(due.compute, run)
        return replace(due, compute=lambda _run: rows.result())

    try:
        yield begin
    finally:
        thread.shutdown(cancel_futures=True)


def _is_current(each: Measure, current: Mapping[str, str]) -> bool:
    return each.inputs is not None and current.get(each.name) == each.inputs


def _computed_from(run: RunContext) -> dict[str, str]:
    """The inputs of each table that is stored as the registry has it."""
    found = run.warehouse.query("select table_name, inputs from meta.computed")
    current = run.warehouse.current_tables()
    return {name: inputs for name, inputs in found.iter_rows() if name in current}
