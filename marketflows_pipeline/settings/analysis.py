"""``[analysis]``: smoothing, differences, scaling."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from marketflows_pipeline.settings.fields import Span, TomlTable, Whole, expected

RANGES_MAX_ORDER = 2


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
