"""What is tried on the rules that money depends on, and which changes may live."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from marketflows_pipeline_tests.tools.conftest import LoadTool

ROOT = Path(__file__).parents[2]
DIFF = """\
--- mutation diff ---
--- a/marketflows_pipeline/transforms/supply.py
+++ b/marketflows_pipeline/transforms/supply.py
@@ -43,6 +43,6 @@
         .sort(coin, "ts")
-        .with_columns(supply=pl.col("a") | pl.col("b"))
+        .with_columns(supply=pl.col("a") & pl.col("b"))
     )
"""


@pytest.fixture(scope="module")
def mutants(tool: LoadTool) -> ModuleType:
    return tool("mutants")


def test_every_rule_has_its_tests(mutants: ModuleType) -> None:
    for module, tests in mutants.RULES.items():
        assert (ROOT / "marketflows_pipeline" / module).is_file()
        assert tests
        assert all((ROOT / "marketflows_pipeline_tests" / name).is_file() for name in tests)


def test_every_mutant_that_may_live_is_of_a_line_that_is_there(mutants: ModuleType) -> None:
    """A line that changed takes its excuse with it."""
    text = (ROOT / "docs" / "mutants.md").read_text(encoding="utf-8")
    listed = mutants.known(text)
    assert len(listed) == text.count("\n| `"), "a row is not read"
    for mutant in listed:
        source = (ROOT / "marketflows_pipeline" / mutant.module).read_text(encoding="utf-8")
        assert mutant.before in " ".join(source.split()), mutant
        assert mutant.before != mutant.after


def test_a_change_is_read_from_its_diff_and_found_in_the_table(mutants: ModuleType) -> None:
    mutant = mutants.mutant_of("transforms/cross_asset/supply.py", DIFF)
    assert mutant == mutants.Mutant(
        "transforms/cross_asset/supply.py",
        '.with_columns(supply=pl.col("a") | pl.col("b"))',
        '.with_columns(supply=pl.col("a") & pl.col("b"))',
    )
    row = (
        '| `transforms/cross_asset/supply.py` | `.with_columns(supply=pl.col("a") \\| pl.col("b"))` '
        '| `.with_columns(supply=pl.col("a") & pl.col("b"))` | a reason |\n'
    )
    assert mutants.known(f"| module |\n|---|\n{row}") == {mutant}
    assert mutants.known(row.replace("a reason", "")) == set(), "a mutant without a reason"


def test_annotations_and_frozen_are_left_out(mutants: ModuleType, tmp_path: Path) -> None:
    """The former are never evaluated, and mypy finds what the latter forbids: no test can or need notice a change."""
    file = tmp_path / "rule.py"
    file.write_text(
        "def rule(a: int | None, b: int = 1 + 2) -> int | str:\n    c: int | None = a | b\n    return c\n"
        "@dataclass(frozen=True, order=True)\nclass Rule:\n    pass\n"
    )
    assert sorted(mutants.meaningless(file)) == [
        ((1, 12), (1, 22)),
        ((1, 27), (1, 30)),
        ((1, 43), (1, 52)),
        ((2, 7), (2, 17)),
        ((4, 18), (4, 22)),
    ]


@pytest.mark.parametrize(
    ("operator", "is_tried"),
    [
        ("core/ReplaceComparisonOperator_Lt_LtE", True),
        ("core/ReplaceComparisonOperator_Lt_GtE", False),
        ("core/ReplaceBinaryOperator_Div_FloorDiv", True),
        ("core/ReplaceBinaryOperator_Div_LShift", False),
        ("core/NumberReplacer", True),
        ("core/ReplaceTrueWithFalse", True),
        ("core/ReplaceUnaryOperator_Delete_Not", True),
    ],
)
def test_of_each_operator_the_telling_replacements_are_tried(
    mutants: ModuleType, operator: str, is_tried: bool
) -> None:
    """All of Cosmic Ray's replacements were 506 mutants of one module, an hour, and most raised at once."""
    assert mutants.is_tried(operator) is is_tried
