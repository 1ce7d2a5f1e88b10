"""The layers of the package: which of its parts may import which, and their picture in CONTRIBUTING.md.

``python -m marketflows_pipeline_tests.layers`` writes the picture, as `make docs` does.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "marketflows_pipeline"
MODULES = sorted(PACKAGE.rglob("*.py"))
DOCUMENT = ROOT / "CONTRIBUTING.md"
BEGIN, END = "<!-- layers: written by `make docs` -->", "<!-- end of layers -->"

# Top to bottom: a part imports parts below its own line, never above it.
LAYERS = {
    ("cli", "web", "definitions"): "the command, the guarded page, what Dagster loads",
    ("build",): "the whole graph",
    ("jobs", "schedules", "orchestration"): "what runs when, and how Dagster runs it",
    ("assets", "checks"): "one asset a table, and what must hold of it",
    ("run_context",): "settings, clock, warehouse of one run",
    ("clients",): "the services of one run",
    ("report",): "the page and the brief, from the published file",
    ("ingest",): "what to request, and storing it",
    ("queries",): "rows that a step needs",
    ("tutorial",): "packaged data in place of the services",
    ("warehouse",): "DuckDB",
    ("object_storage",): "the S3 service for readers elsewhere",
    ("coordination",): "what hosts share in Postgres: rate limits, credits, locks",
    ("settings",): "config.toml and secrets.toml",
    ("providers",): "HTTP, one folder a service",
    ("transforms",): "formulas",
    ("models", "charts"): "frames to forecasts, frames to pictures",
    ("schema",): "every table and column",
    ("progress", "options", "timetable", "clock", "errors", "system"): "what all share",
}
# Within a line, who imports whom.
SIDEWAYS = {
    ("schedules", "jobs"),
    ("jobs", "orchestration"),
    ("checks", "assets"),
    ("charts", "models"),
    ("errors", "system"),
    ("system", "errors"),
    ("system", "clock"),
    ("progress", "system"),
}
RANKS = {part: rank for rank, parts in enumerate(LAYERS) for part in parts}


def part_of(path: Path) -> str:
    """The part that a module belongs to: its folder or file right below the package."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a module; to parse all of them takes a second."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Parts that a module imports, wherever in it the import stands."""
    parts: set[str] = set()
    for node in ast.walk(parsed(path)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == PACKAGE.name:
            names = [f"{PACKAGE.name}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        parts.update(name.split(".")[1] for name in names if name.startswith(f"{PACKAGE.name}."))
    return frozenset(parts)


def is_allowed(part: str, imported: str) -> bool:
    """Whether a part may import another one."""
    return part == imported or RANKS[part] < RANKS[imported] or (part, imported) in SIDEWAYS


def picture() -> str:
    """The layers as a block of text, top to bottom."""
    lines = {"  ".join(parts): words for parts, words in LAYERS.items()}
    width = max(map(len, lines))
    sideways = ", ".join(f"{part} -> {imported}" for part, imported in sorted(SIDEWAYS))
    drawn = "\n".join(f"{names:<{width}}  {words}" for names, words in lines.items())
    return f"```text\n{drawn}\n```\n\nWithin a line: {sideways}."


def with_picture(document: str) -> str:
    """The document with the present picture between its two marks."""
    before, _, rest = document.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n{picture()}\n{END}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(with_picture(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
