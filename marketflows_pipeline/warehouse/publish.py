"""The published file: what people query, made whole, checked, and then put in place in one step.

Each part of the warehouse is published on its own: a part whose latest run passed its blocking checks is taken from
the private file, any other is carried over as it was last published. Readers are never waited for and never
disturbed: the files they hold open are only ever read, as bytes, and replaced under a link.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl

from marketflows_pipeline.errors import WarehouseError
from marketflows_pipeline.schema import PARTS, TABLES, Part
from marketflows_pipeline.warehouse import build, engine, lake_publish
from marketflows_pipeline.warehouse.accepted import accepted_name
from marketflows_pipeline.warehouse.build import Origin
from marketflows_pipeline.warehouse.copy_file import copy_in_subprocess
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline.warehouse.stores.lake import LakeStore
from marketflows_pipeline.warehouse.versions import Version, VersionFolder

logger = logging.getLogger(__name__)

_PART_RUNS = "meta.part_runs"
# From here on disk is spared: with the private file and the file being built, one published version is kept meanwhile.
SPARING_ABOVE_BYTES = 1_000_000_000
_VIEWS = frozenset(name for name, entry in TABLES.items() if entry.view_sql is not None) | {
    accepted_name(name) for name, entry in TABLES.items() if entry.schema_name == "raw"
}


@dataclass(frozen=True)
class PublishReport:
    """What a publish put in place.

    ``path`` is the new file behind the link, ``tables`` the rows of ``meta.publish``. Parts are ``carried_over`` from
    the publish before where their latest run has not passed, and ``left_out`` where they were never published either.
    From a lake it is a ``snapshot`` too, and no file where none is exported.
    """

    path: Path
    tables: pl.DataFrame
    carried_over: tuple[str, ...]
    left_out: tuple[str, ...]
    size_bytes: int
    snapshot: int | None = None


def begin_part(warehouse: Warehouse, part: Part, run_id: str, now: datetime) -> None:
    """Mark a part as being written: until this run has passed, the part is not taken from the private file."""
    _mark(warehouse, part, run_id, started_at=now, passed_at=None)


def publish(
    warehouse: Warehouse,
    *,
    part: Part,
    run_id: str,
    now: datetime,
    published_path: Path,
    keep_versions: int = 2,
) -> PublishReport:
    """Mark a part as passed and put a new published file in place.

    Args:
        warehouse: the open private file; its writes wait while it is copied.
        part: the part whose blocking checks have just passed.
        run_id: the run that wrote it.
        now: the present, aware.
        published_path: the link people open.
        keep_versions: how many published files stay, the new one among them; a session may hold an older one open.

    Raises:
        WarehouseError: if the file could not be made (no space, no right to write, a copy that differs); the file
            published before stays in place, and the next publish takes up this part's tables.
    """
    runs = warehouse.read(_PART_RUNS, where="part = ?", params=[part])
    _mark(warehouse, part, run_id, started_at=runs["started_at"][0] if len(runs) else now, passed_at=now)
    before = _published_before(warehouse)
    try:
        folder = VersionFolder(published_path)
        with _cleared(folder):
            if isinstance(warehouse.store, LakeStore):
                report = _build_from_lake(warehouse, folder, before, run_id, now)
            else:
                if _is_large(warehouse):
                    folder.make_room()
                report = _build(warehouse, folder, before, run_id, now)
    except BaseException as error:
        # A full disk may refuse this too; the dates of this run's tables are then those of the failed publish.
        with contextlib.suppress(WarehouseError):
            warehouse.replace("meta.publish", before)
        if isinstance(error, OSError | duckdb.Error):
            raise WarehouseError(
                f"nothing was published, {published_path} is as it was: {engine.words_of(error)}"
            ) from error
        raise
    warehouse.replace("meta.publish", report.tables)
    try:
        folder.keep(keep_versions)
    except OSError as error:
        logger.warning("An older published file could not be removed: %s", error)
    return report


def _is_large(warehouse: Warehouse) -> bool:
    return warehouse.path.stat().st_size > SPARING_ABOVE_BYTES


@contextlib.contextmanager
def _cleared(folder: VersionFolder) -> Iterator[None]:
    """What is half built is removed before and after the block, however it ends."""
    folder.clear_unfinished()
    try:
        yield
    finally:
        folder.clear_unfinished()


def _published_before(warehouse: Warehouse) -> pl.DataFrame:
    """``meta.publish`` as of the publish before."""
    if isinstance(warehouse.store, LakeStore):
        return lake_publish.published_rows(warehouse)
    return warehouse.read("meta.publish")


def _build_from_lake(
    warehouse: Warehouse, folder: VersionFolder, before: pl.DataFrame, run_id: str, now: datetime
) -> PublishReport:
    store = warehouse.store
    assert isinstance(store, LakeStore)
    plan = _plan(warehouse, lambda held: _carried_in(before, held), before=before, run_id=run_id, now=now)
    published = lake_publish.replace_published(
        warehouse, store, before=before, fresh=plan.fresh, carried=plan.carried, run_id=run_id, now=now
    )
    report = PublishReport(
        path=folder.link,
        tables=published.tables,
        carried_over=plan.carried_over,
        left_out=plan.left_out,
        size_bytes=published.size_bytes,
        snapshot=published.number,
    )
    if store.outgoing is None:
        return report
    target = folder.building_path("private")
    lake_publish.export(warehouse, target, {**plan.fresh, **plan.carried}, run_id, now)
    version = folder.adopt(target, run_id, now)
    return replace(report, path=version.path, size_bytes=version.path.stat().st_size)


def _carried_in(before: pl.DataFrame, parts: list[Part]) -> dict[str, Origin]:
    """Origins of some parts' tables as they were published before."""
    origins = build.published_origins(before.filter(pl.col("part").is_in(parts)))
    return {name: replace(origin, status="carried_over") for name, origin in origins.items()}


def _build(
    warehouse: Warehouse, folder: VersionFolder, before: pl.DataFrame, run_id: str, now: datetime
) -> PublishReport:
    private, last = folder.building_path("private"), folder.building_path("last")
    with warehouse.held_back():
        warehouse.checkpoint()
        plan = _plan(
            warehouse, lambda held: _carried_origins(folder, held, last), before=before, run_id=run_id, now=now
        )
        # The smaller half is written into the copy of the larger one.
        is_mostly_carried = _rows(plan.carried) > _rows(plan.fresh)
        is_spared = bool(plan.carried) and _is_large(warehouse)
        if is_spared and is_mostly_carried:
            last.unlink()
        elif is_spared:
            build.reduce(last, plan.carried)
        tables = None
        if not plan.carried and warehouse.tables() <= {*plan.fresh, *_VIEWS, *build.DESCRIBING}:
            # Nothing to bring over or to drop: the private file is described, and its copy is the new file.
            with warehouse.transaction(alters=True) as cursor:
                tables = build.describe_file(cursor, plan.fresh, run_id, now)
            warehouse.checkpoint()
        copy_in_subprocess(warehouse.path, private)
    if is_spared and is_mostly_carried:
        # Two whole copies never lie side by side.
        build.reduce(private, plan.fresh)
        if _carried_origins(folder, plan.looked_for, last) != plan.carried:
            raise WarehouseError("nothing was published: a session changed the published file meanwhile; run again")
    origins = {**plan.fresh, **plan.carried}
    target, other, taken = private, last, plan.carried
    if is_mostly_carried:
        target, other, taken = last, private, plan.fresh
    if tables is None:
        tables = build.assemble(target, other, taken=taken, origins=origins, run_id=run_id, now=now)
    build.check(target, origins)
    warehouse.check_lock()
    version = folder.adopt(target, run_id, now)
    return PublishReport(
        path=version.path,
        tables=tables,
        carried_over=plan.carried_over,
        left_out=plan.left_out,
        size_bytes=version.path.stat().st_size,
    )


@dataclass(frozen=True)
class _Plan:
    """Where the tables of the new file come from, by table, and the parts whose latest run has not passed.

    Of these ``looked_for`` may have been published before.
    """

    fresh: dict[str, Origin]
    carried: dict[str, Origin]
    carried_over: tuple[str, ...]
    left_out: tuple[str, ...]
    looked_for: tuple[Part, ...]


def _plan(
    warehouse: Warehouse,
    carry: Callable[[list[Part]], dict[str, Origin]],
    *,
    before: pl.DataFrame,
    run_id: str,
    now: datetime,
) -> _Plan:
    runs = {row["part"]: row for row in warehouse.read(_PART_RUNS).iter_rows(named=True)}
    passed = [name for name in PARTS if name in runs and runs[name]["passed_at"] is not None]
    held = [name for name in PARTS if name not in passed]
    looked_for = _to_look_for(held, before)
    carried = carry(looked_for)
    carried_over = tuple(name for name in held if any(TABLES[table].part == name for table in carried))
    taken: dict[str, str] = {name: runs[name]["run_id"] for name in passed}
    # A part that has never run brings its history tables, which are empty.
    taken |= {name: run_id for name in held if name not in runs and name not in carried_over}
    return _Plan(
        fresh=build.fresh_origins(warehouse.row_counts(), taken, before, run_id, now),
        carried=carried,
        carried_over=carried_over,
        left_out=tuple(name for name in held if name in runs and name not in carried_over),
        looked_for=tuple(looked_for),
    )


def _rows(origins: Mapping[str, Origin]) -> int:
    return sum(origin.rows for origin in origins.values())


def _to_look_for(held: list[Part], before: pl.DataFrame) -> list[Part]:
    """Those parts that the publish before may hold; any of them where a new private file knows of none."""
    published = set(before.filter(pl.col("n_rows") > 0)["part"])
    return [name for name in held if name in published or not published]


def _carried_origins(folder: VersionFolder, held: Sequence[Part], copy: Path) -> dict[str, Origin]:
    """Copy the newest published file in which no session has changed the tables of these parts."""
    for version in folder.newest_first() if held else ():
        copy_in_subprocess(version.path, copy)
        origins = _as_published(version, held, copy)
        if origins is not None:
            return origins
        logger.warning("A session has changed %s; tables are carried over from the publish before it", version.path)
        copy.unlink()
    return {}


def _as_published(version: Version, held: Sequence[Part], copy: Path) -> dict[str, Origin] | None:
    try:
        return build.carried_origins(copy, held)
    except duckdb.Error as error:
        logger.warning("%s could not be read: %s", version.path, engine.words_of(error))
        return None


def _mark(warehouse: Warehouse, part: Part, run_id: str, *, started_at: datetime, passed_at: datetime | None) -> None:
    row = {"part": part, "run_id": run_id, "started_at": started_at, "passed_at": passed_at}
    warehouse.merge(_PART_RUNS, pl.DataFrame([row], schema=TABLES[_PART_RUNS].polars_schema))
