"""Run mutation tests: change one thing at a time in the rules that money depends on, and list what no test notices.

Usage: ``make mutants``, or ``make mutants FLAGS=MODULE`` with one of `RULES`. Cosmic Ray makes the mutants, in copies
of this repository in temporary folders. Survivors are printed, and have to stand in docs/mutants.md with the reason why
no test can or need notice them; any other ends with exit code 1.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
KNOWN = REPOSITORY / "docs" / "mutants.md"
TESTS = "marketflows_pipeline_tests"

# A mutant is mostly the start of pytest: its plugins take a second. Bytecode of the mutant before must not stay.
QUICK_START = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1", "POLARS_MAX_THREADS": "1"}

# Each module of the package with the tests that hold its rule.
RULES: dict[str, tuple[str, ...]] = {
    "ingest/budget.py": ("ingest/test_budget.py",),
    "ingest/market_caps/plan.py": ("ingest/market_caps/test_plan.py",),
    "transforms/market_caps/caveats.py": ("transforms/market_caps/test_caveats.py",),
    "transforms/doubted_rows.py": ("transforms/test_doubted_rows.py",),
    "transforms/ratios.py": ("transforms/test_ratios.py",),
    "transforms/plausibility.py": ("transforms/test_plausibility.py",),
    "transforms/exchanges/reserve_prices.py": (
        "transforms/exchanges/test_reserve_prices.py",
        "transforms/exchanges/test_token_identity.py",
    ),
    "transforms/cross_asset/share_splits.py": ("transforms/cross_asset/test_share_splits.py",),
    "transforms/cross_asset/split_adjustment.py": ("transforms/cross_asset/test_split_adjustment.py",),
    "transforms/cross_asset/split_sessions.py": ("transforms/cross_asset/test_split_sessions.py",),
    "transforms/cross_asset/supply.py": ("transforms/cross_asset/test_supply.py",),
    "transforms/cross_asset/trade_sessions.py": ("transforms/cross_asset/test_trade_sessions.py",),
    "transforms/unit_slips.py": ("transforms/test_unit_slips.py",),
    "warehouse/publish.py": ("warehouse/test_publish.py", "warehouse/test_publish_faults.py"),
}

# The replacements that are tried of each operator. For a comparison they are the three of the six that no test can tell
# from the original without telling the others too (Kaminski, Ammann and Offutt, "Better predicate testing", 2011), with
# "is" for "never" and "is not" for "always". Of other operators Cosmic Ray has ten replacements, of which most raise at
# once, as a shift of floats does; the ones here give another number.
REPLACEMENTS = {
    "ReplaceComparisonOperator": {
        "Lt": "LtE NotEq Is",
        "LtE": "Lt Eq IsNot",
        "Gt": "GtE NotEq Is",
        "GtE": "Gt Eq IsNot",
        "Eq": "LtE GtE Is",
        "NotEq": "Lt Gt IsNot",
        "Is": "IsNot",
        "IsNot": "Is",
        "In": "NotIn",
        "NotIn": "In",
    },
    "ReplaceBinaryOperator": {
        "Add": "Sub",
        "Sub": "Add",
        "Mul": "Div",
        "Div": "Mul FloorDiv",
        "FloorDiv": "Div",
        "Mod": "FloorDiv",
        "Pow": "Mul",
        "BitAnd": "BitOr",
        "BitOr": "BitAnd",
        "BitXor": "BitOr",
    },
}


@dataclass(frozen=True, order=True)
class Mutant:
    """One change that no test noticed: the module, and the line before and after."""

    module: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.module}: `{self.before}` -> `{self.after}`"


def survivors(module: str, program: Path) -> list[Mutant]:
    """The mutants of one module that its tests let pass.

    Args:
        module: one of `RULES`.
        program: Cosmic Ray's command.
    """
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder, "copy")
        _copy_to(copy)
        settings, record = Path(folder, "settings.toml"), Path(folder, "record.sqlite")
        path = f"marketflows_pipeline/{module}"
        tests = " ".join(f"{TESTS}/{name}" for name in RULES[module])
        settings.write_text(
            f'[cosmic-ray]\nmodule-path = "{path}"\ntimeout = 600.0\nexcluded-modules = []\n'
            f'test-command = "{sys.executable} -m pytest -x -q -p pytest_timeout -p no:cacheprovider {tests}"\n'
            '[cosmic-ray.distributor]\nname = "local"\n'
        )
        # Otherwise a test that fails by itself would count every mutant as noticed.
        _run(copy, program, "baseline", settings)
        _run(copy, program, "init", settings, record)
        _leave_out(record, meaningless(copy / path))
        _run(copy, program, "exec", settings, record)
        return sorted(_survivors(module, _run(copy, program, "dump", record)))


def _copy_to(folder: Path) -> None:
    """What git knows of, as it stands now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (REPOSITORY / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, target)


def _run(folder: Path, *command: object) -> str:
    done = subprocess.run(  # noqa: S603
        list(map(str, command)),
        cwd=folder,
        # The copy's package, not the one that is installed here.
        env=os.environ | {"PYTHONPATH": str(folder)} | QUICK_START,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed: {done.stdout}{done.stderr}".rstrip())
    return done.stdout


Span = tuple[tuple[int, int], tuple[int, int]]


def meaningless(file: Path) -> list[Span]:
    """Where a change has no meaning for a test.

    Annotations are never evaluated, and what ``frozen`` of a dataclass forbids, the type checker finds.
    """
    found: list[ast.expr | None] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            found.append(node.returns)
        elif isinstance(node, ast.arg | ast.AnnAssign):
            found.append(node.annotation)
        elif isinstance(node, ast.keyword) and node.arg == "frozen":
            found.append(node.value)
    return [
        ((each.lineno, each.col_offset), (each.end_lineno or 0, each.end_col_offset or 0))
        for each in found
        if each is not None
    ]


def is_tried(operator: str) -> bool:
    """Whether an operator of Cosmic Ray, such as ``core/ReplaceBinaryOperator_Add_Sub``, is one of ours."""
    kind, *change = operator.removeprefix("core/").split("_")
    if kind not in REPLACEMENTS:
        return True
    before, after = change
    return after in REPLACEMENTS[kind].get(before, "").split()


def _leave_out(record: Path, spans: Iterable[Span]) -> None:
    """Forget the mutants within these spans, and those by operators that are not tried."""
    connection = sqlite3.connect(record)
    with connection:
        for start, end in spans:
            within = "(start_pos_row, start_pos_col) >= (?, ?) and (end_pos_row, end_pos_col) <= (?, ?)"
            connection.execute(f"delete from mutation_specs where {within}", (*start, *end))  # noqa: S608
        operators = [name for (name,) in connection.execute("select distinct operator_name from mutation_specs")]
        idle = [(name,) for name in operators if not is_tried(name)]
        connection.executemany("delete from mutation_specs where operator_name = ?", idle)
        connection.execute("delete from work_items where job_id not in (select job_id from mutation_specs)")
    connection.close()


def _survivors(module: str, dump: str) -> Iterator[Mutant]:
    for line in dump.splitlines():
        _, result = json.loads(line)
        if result is not None and result["test_outcome"] == "survived":
            mutant = mutant_of(module, result["diff"])
            # The mark of arguments that are given by name alone: a caller is free to do so either way.
            if mutant.after != mutant.before.replace("*,", "/,"):
                yield mutant


def mutant_of(module: str, diff: str) -> Mutant:
    """The change of a unified diff, without the lines around it."""
    lines = diff.splitlines()[3:]
    before = " ".join(line[1:].strip() for line in lines if line.startswith("-"))
    after = " ".join(line[1:].strip() for line in lines if line.startswith("+"))
    return Mutant(module, before, after)


def known(text: str) -> set[Mutant]:
    """The mutants of the rows of docs/mutants.md: module, before, after, and the reason."""
    rows = re.finditer(r"^\| `(\S+)` \| `(.*?)` \| `(.*?)` \| \S.* \|$", text, re.MULTILINE)
    return {Mutant(*(cell.replace("\\|", "|") for cell in row.groups())) for row in rows}


def main(words: Sequence[str]) -> int:
    """Try all mutants of these modules, or of all; say which lived."""
    parser = argparse.ArgumentParser(description="Change one thing at a time, and see whether a test notices.")
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"one of {', '.join(RULES)}; default all")
    parser.add_argument("--with", dest="program", type=Path, required=True, help="Cosmic Ray's command")
    options = parser.parse_args(words)
    if unknown := set(options.modules) - set(RULES):
        parser.error(f"{', '.join(sorted(unknown))}: expected one of {', '.join(RULES)}")
    chosen = options.modules or list(RULES)
    expected = known(KNOWN.read_text(encoding="utf-8"))
    is_complete = True
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        found = threads.map(partial(survivors, program=options.program.absolute()), chosen)
        for module, alive in zip(chosen, found, strict=True):
            fresh = [mutant for mutant in alive if mutant not in expected]
            gone = sorted({each for each in expected if each.module == module} - set(alive))
            say(f"{module}: {len(alive)} lived, {len(fresh)} of them are not in {KNOWN.name}")
            for mutant in fresh:
                say(f"  lived: {mutant}")
            for mutant in gone:
                say(f"  lives no longer, take it out of {KNOWN.name}: {mutant}")
            is_complete = is_complete and not fresh
    return 0 if is_complete else 1


def say(line: str) -> None:
    """One line on the progress."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
