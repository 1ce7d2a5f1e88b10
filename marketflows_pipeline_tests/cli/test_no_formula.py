"""No figure is computed in a command: reports call transforms, and only give their figures a form."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from marketflows_pipeline.cli import reports

FOLDER = Path(reports.__file__).parent
MODULES = {str(path.relative_to(FOLDER)): ast.parse(path.read_text()) for path in sorted(FOLDER.rglob("*.py"))}

# What may divide, round or tell numbers from nan: it changes how a figure reads, never what it is.
PRESENTATION = {
    "report.py:_rounded": "cents and six digits, in JSON",
    "report.py:_cell": "millions and percent, in a column",
    "report.py:figure": "millions and percent, in a sentence",
    "plan.py:_of_exchanges": "credits of families of requests, as ingest/outlook.py counts them, in one line",
    "cross_asset/provenance.py:dollars": "$4.24 billion",
    "cross_asset/regimes.py:_summary": "a share as percent",
}
# Times and lists are added, and ages are differences of times.
ARITHMETIC = (ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.MatMult)
LIBRARIES = {"math", "statistics", "numpy", "polars", "pyarrow", "scipy"}
SUMS = {"sum", "fsum", "mean", "fmean", "median", "stdev"}


def functions(module: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Every node of a module with the name of the outermost function or class that it stands in."""
    for statement in module.body:
        for node in ast.walk(statement):
            yield getattr(statement, "name", ""), node


def at_run_time(module: ast.Module) -> Iterator[ast.AST]:
    """Every node but those for type checkers alone."""
    for statement in module.body:
        if not isinstance(statement, ast.If):
            yield from ast.walk(statement)


def computes(node: ast.AST) -> bool:
    match node:
        case ast.BinOp(left=ast.Constant(), right=ast.Constant()):
            return False
        case ast.BinOp(op=op):
            return isinstance(op, ARITHMETIC)
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[ast.GeneratorExp(elt=counted), *_]):
            # A sum of conditions counts.
            return name in SUMS and not isinstance(counted, ast.Compare | ast.Constant)
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name in SUMS
        case ast.Constant(value=str(text)):
            return is_computing_sql(text)
        case _:
            return False


def is_computing_sql(text: str) -> bool:
    """Whether a query sums, averages or divides; one that counts and selects does not."""
    words = text.lower()
    return "select " in words and any(sign in words for sign in ("sum(", "avg(", " * ", " / ", "stddev", "corr("))


@pytest.mark.parametrize("name", MODULES)
def test_no_command_computes_a_figure(name: str) -> None:
    """Window sums and attribution once stood here in SQL and loops, a second time beside the transforms."""
    found = {f"{name}:{place}" for place, node in functions(MODULES[name]) if computes(node)}
    assert found <= set(PRESENTATION)


@pytest.mark.parametrize("name", MODULES)
def test_no_report_imports_what_computes(name: str) -> None:
    names = {alias.name for node in at_run_time(MODULES[name]) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in at_run_time(MODULES[name]) if isinstance(node, ast.ImportFrom)}
    assert names & LIBRARIES <= ({"math"} if name == "report.py" else set())


@pytest.mark.parametrize("place", PRESENTATION)
def test_an_exception_is_still_needed(place: str) -> None:
    name, function = place.split(":")
    nodes = [node for where, node in functions(MODULES[name]) if where == function]
    assert nodes
    assert any(computes(node) or (isinstance(node, ast.Attribute) and node.attr == "isfinite") for node in nodes)


def test_the_rule_sees_a_formula() -> None:
    formulas = ["share = part / whole", "total = sum(row['usd'] for row in rows)", "SQL = 'select sum(usd) from t'"]
    assert all(any(computes(node) for node in ast.walk(ast.parse(formula))) for formula in formulas)
    counts = ["n = sum(row['usd'] is None for row in rows)", "SQL = 'select count(*) from t'", "age = now - since"]
    assert not any(computes(node) for count in counts for node in ast.walk(ast.parse(count)))
