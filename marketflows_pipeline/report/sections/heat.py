"""Colours of heat: seven steps from out of (below 0) to into (above 0), by limits that stand in the chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import altair as alt

# The ink on all of them is that of texts; the theme holds their values.
STEPS = tuple(f"var(--heat-{name})" for name in ("n3", "n2", "n1", "0", "p1", "p2", "p3"))


def both_ways(field: str, limits: Sequence[float]) -> alt.Color:
    """Colour by sign and size.

    Args:
        field: a number of either sign.
        limits: where the three steps above the middle begin, rising; below 0 they are the same.
    """
    import altair as alt  # noqa: PLC0415 (loads for 0.6 s)

    domain = [*(-limit for limit in reversed(limits)), *limits]
    return alt.Color(f"{field}:Q", scale=alt.Scale(type="threshold", domain=domain, range=list(STEPS)), legend=None)


def by_size(field: str, limits: Sequence[float]) -> alt.Color:
    """Colour by size, for a number that is never below 0: the limits are where the three upper steps begin."""
    import altair as alt  # noqa: PLC0415

    scale = alt.Scale(type="threshold", domain=list(limits), range=list(STEPS[3:]))
    return alt.Color(f"{field}:Q", scale=scale, legend=None)


def limits_text(limits: Sequence[float], unit: str) -> str:
    """Where the steps begin, for a subtitle: "colour steps at 1, 5 and 20 % of reserves"."""
    *first, last = (f"{limit:g}" for limit in limits)
    return f"colour steps at {', '.join(first)} and {last}{unit}"
