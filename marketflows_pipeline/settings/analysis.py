"""``[analysis]`` and ``[narrative_index]``: smoothing, differences, scaling, and how the chained index is made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from marketflows_pipeline.settings.fields import Span, TomlTable, Whole, expected

RANGES_MAX_ORDER = 2
# Members are stored down to this many places below the last one in use.
MAX_BUFFER = 5


def orders_for(orders: Iterable[int], flow_types: Iterable[str]) -> tuple[int, ...]:
    """Differentiation orders as computed for these flow types.

    Narratives and portfolios take each difference from the one before, so they have every order from 0 to the highest.

    Raises:
        PydanticCustomError: if market-cap ranges are chosen together with an order above 2.
    """
    chosen = sorted(set(orders))
    if not chosen:
        raise expected("at least one order; 0 is the curve itself")
    if "market_cap_ranges" in flow_types and chosen[-1] > RANGES_MAX_ORDER:
        raise expected(
            f'orders up to {RANGES_MAX_ORDER}, because flow_types holds "market_cap_ranges", '
            "which are defined for level, growth and inflection only"
        )
    if "narratives" in flow_types or "individual_assets" in flow_types:
        return tuple(range(chosen[-1] + 1))
    return tuple(chosen)


class Analysis(TomlTable):
    """``[analysis]``: smoothing, differences, scaling."""

    ema_periods: tuple[Span, ...] = Field((1, 20), description="EMA spans in grid steps; 1, the plain curve, always in")
    diff_orders: tuple[Annotated[Whole, Field(ge=0, le=10)], ...] = Field(
        (0, 1, 2), description="0 level, 1 growth, 2 inflection"
    )
    smoothing_ema: Span = Field(10, description="EMA span that smooths each difference; 1 is none")
    is_unit_normalize: bool = Field(True, strict=True, description="Also scale to 0..1 across series")

    @field_validator("ema_periods")
    @classmethod
    def _always_one(cls, periods: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted({1, *periods}))

    @field_validator("diff_orders")
    @classmethod
    def _orders_fit_the_file(cls, orders: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        return orders_for(orders, (info.context or {}).get("flow_types", ()))


class NarrativeIndex(TomlTable):
    """Rule of the chained index. A change starts a new version at the next close, chained to what is stored."""

    weighting: Literal["cap", "capped", "equal"] = Field(
        "cap", description='Weights of the members: "cap", "capped" (at most the larger of 25 % and 1/n) or "equal"'
    )
    reconstitution: Literal["weekly", "monthly", "quarterly"] = Field(
        "monthly", description="How often members and weights are set anew, at the period's first close"
    )
    buffer: Whole = Field(
        2, ge=0, le=MAX_BUFFER, description="A member stays until it falls this many places below narrative_top_n"
    )
