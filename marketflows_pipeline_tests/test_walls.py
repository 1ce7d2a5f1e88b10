"""The walls of the house: which package may import what, and that importing does nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from marketflows_pipeline_tests.layers import (
    BEGIN,
    DOCUMENT,
    END,
    MODULES,
    PACKAGE,
    RANKS,
    SIDEWAYS,
    imports_of,
    is_allowed,
    parsed,
    part_of,
    with_picture,
)

# What may import the module time; parsing all tests to know takes a second.
NAMES_TIME = re.compile(r"^\s*(?:import|from)\s.*\btime\b", re.MULTILINE)


@cache
def imported(path: Path) -> frozenset[str]:
    """Top-level names of what a module imports, wherever in it the import stands."""
    names: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return frozenset(names)


def importers(name: str) -> set[str]:
    return {path.relative_to(PACKAGE).parts[0] for path in MODULES if name in imported(path)}


def test_imports_point_down_the_layers() -> None:
    upward = [
        f"{path.relative_to(PACKAGE)} imports {imported}"
        for path in MODULES
        if path.parent != PACKAGE or path.name != "__init__.py"
        for imported in imports_of(path)
        if not is_allowed(part_of(path), imported)
    ]
    assert upward == []


def test_every_part_stands_in_the_layers_and_every_import_sideways_is_there() -> None:
    parts = {part_of(path) for path in MODULES} - {"__init__"}
    pairs = {(part_of(path), imported) for path in MODULES for imported in imports_of(path)}
    assert parts == set(RANKS)
    assert pairs >= SIDEWAYS


def test_the_picture_in_contributing_is_that_of_the_layers() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    assert (document.count(BEGIN), document.count(END)) == (1, 1)
    assert document == with_picture(document), "make docs writes it"


def test_only_the_warehouse_knows_duckdb() -> None:
    assert importers("duckdb") == {"warehouse"}


def test_only_providers_know_http() -> None:
    assert importers("httpx") == {"providers"}
    assert importers("httpcore") == {"providers"}


def test_only_object_storage_knows_the_s3_service() -> None:
    assert importers("obstore") == {"object_storage"}


def test_only_charts_and_the_page_know_altair() -> None:
    assert importers("altair") == {"charts", "report"}


def test_only_models_know_scikit_learn() -> None:
    assert importers("sklearn") == {"models"}


@pytest.mark.parametrize("server", ["starlette", "uvicorn", "dagster_webserver"])
def test_only_the_guarded_page_is_served(server: str) -> None:
    assert importers(server) == {"web"}


@pytest.mark.parametrize(
    "package",
    ["transforms", "models", "charts", "providers", "warehouse", "settings", "schema", "ingest", "tutorial"],
)
def test_dagster_stays_in_the_glue(package: str) -> None:
    assert package not in importers("dagster")


def test_no_test_looks_at_a_clock() -> None:
    """A limit of 3 s on a parser, and a wait of 10 ms for a thread, once failed on a busy machine."""
    tests = Path(__file__).parent
    outside = {tests / "reference/published_program.py"}  # measures the published package for the benchmarks

    named = [path for path in tests.rglob("*.py") if NAMES_TIME.search(path.read_text(encoding="utf-8"))]
    assert [path for path in named if "time" in imported(path) and path not in outside] == []
    assert outside < set(named)


def calls_at_import(path: Path) -> Iterator[str]:
    """Names of what a module calls while it is imported: outside of function bodies, but decorators and defaults."""
    waiting: list[ast.AST] = [parsed(path)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += [*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)]
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.Call):
            yield node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        waiting += ast.iter_child_nodes(node)


def test_importing_reads_no_file_no_clock_and_no_environment() -> None:
    forbidden = {"open", "read_text", "read_bytes", "read_parquet", "read_csv", "connect", "now", "today", "time"}
    forbidden |= {"utcnow", "monotonic", "perf_counter", "getenv", "cwd", "home", "exists", "mkdir", "iterdir"}
    # time() of datetime.time is no clock, but nothing at import needs it either.
    found = {str(path.relative_to(PACKAGE)): forbidden & set(calls_at_import(path)) for path in MODULES}
    assert {module: calls for module, calls in found.items() if calls} == {}
