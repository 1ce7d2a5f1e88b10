"""Nothing is computed from a quarantined row: whoever reads a raw table reads it without them, or says why not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from marketflows_pipeline.schema import TABLES
from marketflows_pipeline_tests.layers import parsed

PACKAGE = Path(__file__).parents[1] / "marketflows_pipeline"
QUERIES = Path(__file__).parents[1] / "warehouse" / "queries"
# Where raw tables are described, stored and made into accepted.*.
OUTSIDE = {"schema", "warehouse"}
RAW = tuple(name for name in TABLES if name.startswith("raw."))

_IN_SQL = re.compile(r"\b(?:from|join)\s+(raw\.\w+)", re.IGNORECASE)
_ANY_TABLE = re.compile(r"\b(?:from|join)\s+$", re.IGNORECASE)

# Module and table, or what stands for it, of each reader of whole raw tables.
MAY_READ_ALL = {
    ("ingest/raw_writer.py", "raw.coins"): "when a coin was first seen is kept on, whatever else is known of it",
    ("ingest/raw_writer.py", "raw.market_caps"): "which coins have stored rows at all, and so something to revise",
    ("ingest/market_caps/category_pages.py", "raw.narrative_members"): "whether the day's whole page is stored already",
    ("ingest/market_caps/snapshot.py", "raw.coins"): "what is delisted is marked on the stored row itself",
    (
        "ingest/exchanges/daily.py",
        "raw.cex_token_balances",
    ): "what an answer no longer names loses its figures, left out or not",
    ("ingest/exchanges/hourly.py", "raw.centralised_exchanges"): "when an exchange was first seen is kept on",
    (
        "ingest/cross_asset/daily.py",
        "raw.corporate_actions",
    ): "a split that is left out is known, else it would be new daily",
    (
        "ingest/cross_asset/daily.py",
        "raw.daily_bars",
    ): "what the service dropped is brought to the present basis with the rest",
    ("ingest/cross_asset/daily.py", "raw.shares_outstanding"): "a vintage that is left out keeps its number",
    ("ingest/exchanges/reserve_quarantine.py", "raw.cex_token_balances"): "the rule looks at all that is stored",
    ("ingest/quarantine.py", "{name}"): "the rules look at all that is stored",
    ("ingest/quarantine.py", "raw.market_caps"): "likewise",
    ("assets/io_manager.py", "{entry.name}"): "the newest row of the derived table that was just written",
    ("assets/tables.py", "{name}"): "how many rows are stored",
    ("checks/model.py", "{entry.name}"): "keys are unique among all that is stored",
    ("queries/coin_blocks.py", "{table}"): "core tables only, which hold no quarantined row",
}


def modules() -> Iterator[tuple[str, ast.AST]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE)
        if module.parts[0] not in OUTSIDE:
            yield str(module), parsed(path)


def readers_of_all(tree: ast.AST) -> Iterator[str]:
    """Raw tables that a module reads with their quarantined rows; ``{name}`` where it depends on a variable."""
    words = {id(node.body[0].value) for node in ast.walk(tree) if _has_docstring(node)}  # type: ignore[attr-defined]
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in words:
            yield from _IN_SQL.findall(node.value)
        elif isinstance(node, ast.JoinedStr):
            yield from _variables(node)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "read":
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and str(first.value) in RAW:
                yield str(first.value)


def _has_docstring(node: ast.AST) -> bool:
    documented = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return isinstance(node, documented) and ast.get_docstring(node) is not None


def _variables(text: ast.JoinedStr) -> Iterator[str]:
    if not any("select" in str(each.value) for each in text.values if isinstance(each, ast.Constant)):
        return
    for before, after in zip(text.values, text.values[1:], strict=False):
        if (
            isinstance(before, ast.Constant)
            and _ANY_TABLE.search(str(before.value))
            and isinstance(after, ast.FormattedValue)
        ):
            named = ast.unparse(after.value)
            if not named.startswith("accepted"):
                yield f"{{{named}}}"


@pytest.fixture(scope="module")
def readers() -> set[tuple[str, str]]:
    """Module and table of each reader of whole raw tables."""
    return {(module, name) for module, tree in modules() for name in readers_of_all(tree)}


def test_who_reads_a_raw_table_leaves_quarantined_rows_out(readers: set[tuple[str, str]]) -> None:
    """Read ``accepted.…`` in SQL, or with ``warehouse.accepted(…)``; a reader of all of it belongs above, with why."""
    assert readers - set(MAY_READ_ALL) == set()


def test_no_exception_outlives_its_reader(readers: set[tuple[str, str]]) -> None:
    assert set(MAY_READ_ALL) <= readers


@pytest.mark.parametrize("query", sorted(QUERIES.glob("*.sql")), ids=lambda path: path.stem)
def test_the_written_queries_leave_quarantined_rows_out(query: Path) -> None:
    assert not _IN_SQL.findall(query.read_text())


@pytest.mark.parametrize(
    "source",
    [
        'query("select max(ts) from raw.market_caps")',
        'query("select * from core.cohort join raw.market_caps using (coin_id)")',
        'session.warehouse.read("raw.market_caps", columns=["ts"])',
        'read = session.warehouse.read\nread("raw.cex_tvl")',
        'query(f"select max(ts) from raw.market_caps where ts > {since}")',
        'query(f"select max(ts) from {table}")',
    ],
)
def test_a_new_reader_is_noticed(source: str) -> None:
    assert list(readers_of_all(ast.parse(source)))
