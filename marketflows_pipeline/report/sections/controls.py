"""What the control bar of the category charts offers: base, average, order and scale, as the file has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from marketflows_pipeline.charts.market_caps.wording import dollar_first
from marketflows_pipeline.charts.spec import US_DOLLAR
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.system.printable import presentable_name

BASE, EMA, ORDER, SCALE = "base", "ema", "order", "scale"
AS_IS, ZERO_TO_ONE = "as-is", "0-1"

METRICS = "mart.metrics"
_ORDERS = {0: "level", 1: "growth", 2: "inflection"}

Options = Mapping[str, list[tuple[str, str]]]


@dataclass(frozen=True)
class Measures:
    """Which curves the file has.

    Attributes:
        bases: id of each base asset; its place, as in ``b0``, is the value of the signal and begins field names.
        base_labels: what each is called.
        emas: spans, 1 for none.
        orders: 0 level, 1 growth, 2 inflection.
    """

    bases: tuple[str, ...]
    base_labels: tuple[str, ...]
    emas: tuple[int, ...]
    orders: tuple[int, ...]

    def base_value(self, base_asset: str) -> str:
        """The signal's value of a base asset."""
        return f"b{self.bases.index(base_asset)}"

    @property
    def first(self) -> dict[str, str]:
        """The value that each signal begins with: US dollars, no average, level, as it is."""
        firsts = {BASE: "b0", EMA: str(min(self.emas, default=1)), ORDER: str(min(self.orders, default=0))}
        return {**firsts, SCALE: AS_IS}


def measures_of(file: PublishedFile) -> Measures:
    """What ``mart.metrics`` holds; nothing where it is not published."""
    if not file.has(METRICS):
        return Measures((), (), (), ())
    found = file.frame(
        "select distinct base_asset, ema_period, diff_order from mart.metrics where not is_unit order by all"
    )
    bases = tuple(dollar_first(found["base_asset"].unique()))
    return Measures(
        bases,
        base_labels(file, bases),
        tuple(found["ema_period"].unique().sort()),
        tuple(found["diff_order"].unique().sort()),
    )


def base_labels(file: PublishedFile, bases: tuple[str, ...]) -> tuple[str, ...]:
    """What base assets are called: ``US dollar``, or a coin's symbol in capitals; its id where none is known."""
    symbols: dict[str, str] = {}
    if file.has("raw.coins"):
        symbols = dict(file.frame("select coin_id, symbol from accepted.coins").iter_rows())
    return tuple(
        "US dollar" if base == US_DOLLAR else presentable_name(symbols.get(base, base)).upper() for base in bases
    )


def control_options(file: PublishedFile) -> Options:
    """The control bar: signal to (value, label) pairs, the value that charts begin with first; empty without charts."""
    measures = measures_of(file)
    if not measures.bases:
        return {}
    return {
        BASE: [
            (measures.base_value(base), label) for base, label in zip(measures.bases, measures.base_labels, strict=True)
        ],
        EMA: [(str(span), "none" if span == 1 else f"EMA {span}") for span in measures.emas],
        ORDER: [(str(order), order_label(order)) for order in measures.orders],
        SCALE: [(AS_IS, "as is"), (ZERO_TO_ONE, "0 to 1")],
    }


def order_label(order: int) -> str:
    """What an order of difference is called: level, growth, inflection, derivative 3."""
    return _ORDERS.get(order, f"derivative {order}")


def field_of(base: str, ema: int, order: int) -> str:
    """The column of a wide table that holds one curve, such as ``b0_20_1``.

    Args:
        base: value of the signal, such as ``b0``.
        ema: span of the average.
        order: of the difference.
    """
    return f"{base}_{ema}_{order}"
