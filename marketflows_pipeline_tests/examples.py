"""How many examples a property test takes where one is costly."""

from __future__ import annotations

from hypothesis import settings


def at_most(count: int) -> settings:
    """Settings of a property test with so many examples, or fewer where the profile says so."""
    return settings(max_examples=min(count, settings().max_examples))
