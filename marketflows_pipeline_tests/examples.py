"""How many examples a test takes where one is costly."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import settings


def at_most(count: int) -> settings:
    """Settings of a property test with so many examples, or fewer where the profile says so."""
    return settings(max_examples=min(count, settings().max_examples))


def one_quick(examples: Iterable[Any]) -> list[Any]:
    """Parameters of a test whose rule the first example shows: the others are left to the whole suite."""
    first, *others = examples
    return [first, *(pytest.param(*_values(other), marks=pytest.mark.slow) for other in others)]


def _values(example: Any) -> tuple[Any, ...]:
    return example if isinstance(example, tuple) else (example,)
