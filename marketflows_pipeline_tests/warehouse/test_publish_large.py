"""Publishing a file so large that its copies are counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from marketflows_pipeline.warehouse import build, publish
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.runs import Runs, answer, caps_and_volumes

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("published")]


@pytest.fixture
def files(link: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many whole files lay in the published folder after each work on one, all files counting as large."""
    monkeypatch.setattr(publish, "SPARING_ABOVE_BYTES", 0)
    found: list[int] = []

    def watched(module: Any, name: str) -> None:
        work: Callable[..., Any] = getattr(module, name)

        def watch(*arguments: Any, **named: Any) -> Any:
            result = work(*arguments, **named)
            found.append(sum(path.suffix in {".duckdb", ".building"} and not path.is_symlink() for path in folder()))
            return result

        monkeypatch.setattr(module, name, watch)

    def folder() -> list[Path]:
        return list(link.parent.iterdir())

    watched(publish, "copy_in_subprocess")
    for name in ("reduce", "assemble", "check"):
        watched(build, name)
    return found


def test_with_the_private_file_there_are_never_more_than_three(link: Path, runs: Runs, files: list[int]) -> None:
    for hour in range(2, 5):
        report = runs.passes(run_id=f"run-{hour}", value=float(hour), hour=hour)

        assert answer(link, "select market_cap_usd from raw.market_caps") == [(float(hour),)]
        assert link.resolve() == report.path.resolve()
    assert max(files) == 2
    assert len(list(link.parent.glob("marketflows.0*.duckdb"))) == 2, "an open session may hold the older one"


@pytest.mark.parametrize("is_mostly_carried", [True, False])
def test_a_part_carried_over_is_never_copied_beside_a_whole_copy(
    private: Path, link: Path, files: list[int], monkeypatch: pytest.MonkeyPatch, is_mostly_carried: bool
) -> None:
    monkeypatch.setattr(publish, "_rows", lambda origins: ("raw.market_caps" in origins) == is_mostly_carried)
    sizes: list[set[str]] = []
    copy: Callable[[Path, Path], None] = getattr(publish, "copy_in_subprocess")  # noqa: B009 (no export)

    def tables_beside(source: Path, target: Path) -> None:
        for beside in link.parent.glob(".*.building"):
            with duckdb.connect(str(beside), read_only=True) as file:
                sizes.append({name for (name,) in file.execute("select table_name from duckdb_tables()").fetchall()})
        copy(source, target)

    monkeypatch.setattr(publish, "copy_in_subprocess", tables_beside)
    with Warehouse(private) as warehouse:
        runs = Runs(warehouse, link)
        runs.fails("market_caps", "caps-2", 2.0)
        sizes.clear()
        report = runs.passes("exchanges", "volumes-1", 10.0)

    assert report.carried_over == ("market_caps",)
    assert caps_and_volumes(link) == [(1.0,), (10.0,)]
    assert answer(link, "select distinct value from mart.metrics") == [(1.0,)]
    assert len(sizes) == 1, "one reduced copy lay beside the next copy"
    assert ("market_caps" in sizes[0]) is not is_mostly_carried
    assert ("exchange_volumes" in sizes[0]) is is_mostly_carried


def test_the_older_version_stays_where_a_session_wrote_to_the_newest(
    private: Path, link: Path, files: list[int]
) -> None:
    with Warehouse(private) as warehouse:
        runs = Runs(warehouse, link)
        runs.passes("market_caps", "caps-2", 2.0)
        with duckdb.connect(str(link)) as session:
            session.execute("update raw.market_caps set market_cap_usd = 666")
            session.execute("checkpoint")
        runs.fails("market_caps", "caps-3", 3.0)
        runs.passes("exchanges", "volumes-1", 10.0)

    assert caps_and_volumes(link) == [(1.0,), (10.0,)], "as published before the session"
    assert files
