"""Find rows of series that are doubtful until the next one agrees, each compared with the last accepted one."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from marketflows_pipeline.transforms.ordering import in_order

STAYS_WITHIN = 2.0


def ratio(figure: str) -> pl.Expr:
    """A figure over the last accepted one."""
    return pl.col(figure) / pl.col(f"{figure}_before")


def size(of_ratio: pl.Expr) -> pl.Expr:
    """How far a ratio lies from 1, up or down."""
    return of_ratio.log().abs()


def doubted_rows(
    rows: pl.DataFrame,
    *,
    key: tuple[str, str],
    figures: Mapping[str, pl.Expr],
    is_doubted: pl.Expr,
    names: Mapping[str, str] | None = None,
) -> pl.DataFrame:
    """Find the doubted rows of each series, one after the other.

    Args:
        rows: `key` and figures, unique by key; a figure that is not a finite number above 0 says nothing.
        key: name of the series and of the time.
        figures: those that may be at fault, and the ratio of each.
        is_doubted: of the ratios.
        names: of figures that are called otherwise in their table.

    Returns:
        key, column_name (the figure that moved most), reason, and ``released_at``, the time of the next row where that
        agrees, else null; by key.
    """
    series = key[0]
    value = pl.all().exclude(key)
    usable = pl.when(value.is_finite() & (value > 0)).then(value).name.keep()
    live = in_order(rows, *key).with_columns(usable, is_settled=pl.lit(value=False))
    found = [_empty(rows, key)]
    while True:
        compared = _compared(live, key, figures, is_doubted)
        first = compared.filter("is_doubted", ~pl.col("is_settled")).unique(series, keep="first")
        if first.is_empty():
            return pl.concat(found).sort(key)
        doubted = first.select(
            *key,
            pl.col("column_name").replace(names or {}),
            reason=_reason(figures, names or {}),
            released_at=_released_at(figures),
        )
        found.append(doubted)
        # Series without a doubted row are finished.
        left = live.join(doubted, on=series, how="semi", maintain_order="left")
        live = (
            left.join(doubted.select(*key, "released_at", is_first=True), on=key, how="left", maintain_order="left")
            .filter(pl.col("is_first").is_null() | pl.col("released_at").is_not_null())
            .with_columns(is_settled=pl.col("is_settled") | pl.col("is_first").fill_null(value=False))
            .drop("is_first", "released_at")
        )


def _compared(
    live: pl.DataFrame, key: tuple[str, str], figures: Mapping[str, pl.Expr], is_doubted: pl.Expr
) -> pl.DataFrame:
    series, time = key
    last, following = pl.all().exclude(key, "is_settled"), [name for each in figures for name in (each, f"{each}_at")]
    return (
        live.with_columns(last.forward_fill().shift(1).over(series).name.suffix("_before"))
        .with_columns(pl.when(pl.col(name).is_not_null()).then(time).alias(f"{name}_at") for name in figures)
        .with_columns(pl.col(following).backward_fill().shift(-1).over(series).name.suffix("_next"))
        .with_columns(is_doubted=is_doubted)
        .with_columns(
            next_doubted_at=pl.when("is_doubted").then(time).backward_fill().shift(-1).over(series),
            column_name=_largest(figures),
        )
    )


def _empty(rows: pl.DataFrame, key: tuple[str, str]) -> pl.DataFrame:
    return rows.clear().select(
        *key,
        pl.lit(None, pl.String).alias("column_name"),
        pl.lit(None, pl.String).alias("reason"),
        pl.col(key[1]).alias("released_at"),
    )


def _largest(figures: Mapping[str, pl.Expr]) -> pl.Expr:
    """The name of the figure that moved most."""
    most = pl.max_horizontal(size(by) for by in figures.values())
    return pl.coalesce(pl.when(size(by) == most).then(pl.lit(name)) for name, by in figures.items())


def _released_at(figures: Mapping[str, pl.Expr]) -> pl.Expr:
    """The time of the next row that has the figure at fault, where it stays near and no row up to it is doubted."""

    def of(name: str) -> pl.Expr:
        by, at = pl.col(f"{name}_next") / pl.col(name), pl.col(f"{name}_at_next")
        stays = (by <= STAYS_WITHIN) & (by >= 1 / STAYS_WITHIN)
        is_doubted = (pl.col("next_doubted_at") <= at).fill_null(value=False)
        return pl.when((pl.col("column_name") == name) & stays & ~is_doubted).then(at)

    return pl.coalesce(of(name) for name in figures)


def _reason(figures: Mapping[str, pl.Expr], names: Mapping[str, str]) -> pl.Expr:
    def of(name: str, by: pl.Expr) -> pl.Expr:
        words = f"{names.get(name, name)} is {{}} times the last accepted one, {{}}, and no other figure agrees"
        return pl.when(pl.col("column_name") == name).then(
            pl.format(words, by.round_sig_figs(3), pl.col(f"{name}_before").round_sig_figs(6))
        )

    return pl.coalesce(of(name, by) for name, by in figures.items())
