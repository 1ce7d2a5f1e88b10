"""What is said of a rotation: each figure beside what chance alone gives, or that nothing can be told yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from marketflows_pipeline.charts.style.wording import value_text

# In clockwise order.
QUADRANTS = ("leading", "weakening", "lagging", "improving")
# Unit of a step by universe.
STEPS = {"narratives": "close", "cross-asset": "week", "flows": "week"}
NO_PLACEBO = "no band of chance is made for flows, which go on for weeks by themselves"
TURNS_BY_ITSELF = "such a path turns clockwise by its making: only what lies outside of chance says anything"
EACH_ITS_OWN = "each series against its own past: two places do not compare two series"

_MOST_DECIMALS = 3


def band_sentence(figure: Mapping[str, Any], step: str) -> str:
    """One statistic beside its band: "76 % clockwise; chance alone gives 74 to 80 %".

    Args:
        figure: statistic, value, lower, upper, reason, as in ``mart.rotation_placebo``.
        step: what a step is called.
    """
    return f"{_claim(figure, step)}; {_chance(figure)}"


def is_outside(figure: Mapping[str, Any]) -> bool | None:
    """Whether a figure lies outside of its band; None where it has none."""
    value, lower, upper = (figure[name] for name in ("value", "lower", "upper"))
    return None if value is None or lower is None or upper is None else not lower <= value <= upper


def outside_sentence(figures: Iterable[Mapping[str, Any]]) -> str:
    """How many figures lie outside of their bands, and which; "" where none has a band."""
    judged = {str(figure["statistic"]): is_outside(figure) for figure in figures}
    n_judged = sum(verdict is not None for verdict in judged.values())
    outside = [statistic_name(name) for name, verdict in judged.items() if verdict]
    if not n_judged:
        return ""
    names = f": {', '.join(outside)}" if outside else ""
    return f"{len(outside) or 'none'} of {n_judged} figures outside of chance{names}"


def backfilled_text(figures: Sequence[Mapping[str, Any]], step: str) -> str:
    """How much of the history is of a time before the first stored members: "266 of 366 closes back-filled"; or ""."""
    if not figures or not figures[0]["n_backfilled"]:
        return ""
    return f"{figures[0]['n_backfilled']:,} of {figures[0]['n_steps']:,} {step}s back-filled"


def statistic_name(statistic: str) -> str:
    """A statistic as people write it: "clockwise", "return after leading"."""
    return statistic.removesuffix("_pct").replace("_", " ")


def _claim(figure: Mapping[str, Any], step: str) -> str:
    value, statistic = figure["value"], figure["statistic"]
    if value is None:
        return f"{statistic_name(statistic)} not known"
    shown = _shown(figure, value)
    if statistic == "clockwise_pct":
        return f"{shown} % clockwise"
    if statistic == "dwell":
        return f"stays of {shown} {step}s"
    if statistic == "whipsaw_pct":
        return f"{shown} % of entries undone within 3 {step}s"
    return f"{statistic_name(statistic)} {shown} expected deviations"


def _chance(figure: Mapping[str, Any]) -> str:
    if figure["reason"]:
        return str(figure["reason"])
    unit = " %" if figure["statistic"].endswith("_pct") else ""
    return f"chance alone gives {_shown(figure, figure['lower'])} to {_shown(figure, figure['upper'])}{unit}"


def _shown(figure: Mapping[str, Any], number: float) -> str:
    is_return = figure["statistic"].startswith("return")
    return value_text(number, _decimals(figure), signed=is_return)


def _decimals(figure: Mapping[str, Any]) -> int:
    """As few as tell the value apart from the ends of its band on the side where it lies."""
    statistic, value = figure["statistic"], figure["value"]
    least = 0 if statistic.endswith("_pct") else 1 if statistic == "dwell" else 2
    if is_outside(figure) is None:
        return least
    ends = [figure["lower"], figure["upper"]]
    for decimals in range(least, _MOST_DECIMALS):
        shown, *shown_ends = (round(number, decimals) for number in (value, *ends))
        if [shown > end for end in shown_ends] == [value > end for end in ends]:
            return decimals
    return _MOST_DECIMALS
