"""Find splits in a fund's own figures: listed ones that take effect on another session, and unlisted ones."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cases import first_that_holds
from marketflows_pipeline.transforms.cross_asset.shares import MAX_SESSIONS_OFF, comparable_shares, newest_vintages
from marketflows_pipeline.transforms.cross_asset.split_sessions import matched_splits
from marketflows_pipeline.transforms.cross_asset.unadjusted_prices import is_ratio_of_1, later_splits, listed_splits
from marketflows_pipeline.transforms.ordering import in_order
from marketflows_pipeline.transforms.ratios import ROUNDING, is_within

# Within these nothing is inferred: creations and premiums are as large.
NO_SPLIT_FROM, NO_SPLIT_TO = 0.9, 1.1
SAME_RATIO = 0.02
SUSPECT_ABOVE, SUSPECT_BELOW = 1.5, 2 / 3
SIMPLE_RATIO = 0.01
# New shares for each old one; their inverses are those of reverse splits.
SIMPLE_SPLITS = (
    *(n / m for m in (1, 2, 3) for n in range(m + 1, 11)),
    *(6 / 5, 5 / 4, 12.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 100.0),
)
_KEY = ("symbol", "session")


def with_last_figures(bars: pl.DataFrame, shares: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Join the figures of each session with those of the last session before it that has any, and classify splits.

    With the close, the net asset value and the shares Q now (1) and at those figures (0), listed splits taken out::

        e = (close1 / close0) / (value1 / value0)        q = Q1 / Q0

    The close is on one basis, so that e is what the issuer's own basis changed by. Where shares are not known they are
    net assets over net asset value.

    - ``inferred``: both values are known, e lies outside 0.9 to 1.1 and equals q within 2 %. The product of value and
      shares alone would be no evidence: it stays the same where 5 % are created while the value falls by as much.
    - ``suspected``: a value is missing, and q, from 1.5 up or 2/3 down, equals a simple split within 1 %.
    - ``denied``: either of them, where a split of ratio 1 is listed after those figures and up to this session.

    Args:
        bars: symbol, session, close_usd and other columns, by (symbol, session).
        shares: as in ``raw.shares_outstanding``.
        actions: as in ``raw.corporate_actions``.

    Returns:
        `bars` with to_present, the columns of `shares.comparable_shares`, row, row_before (of those figures),
        previous_session, figures_before (their session), price_return, share_ratio (q), basis_ratio (e), split_status,
        known_session (from which on the figures can be understood, which is later where a split is listed on another
        session than the count takes it);
        ``present_shares``, ``present_nav_usd``, ``net_assets_usd``, ``close_usd``, ``published_at`` of those figures
        end with ``_before``.
    """
    compared = ("present_shares", "present_nav_usd", "net_assets_usd", "close_usd", "published_at")
    is_figured = pl.col("present_shares").is_not_null() | pl.col("net_assets_usd").is_not_null()
    return (
        bars.with_columns(to_present=later_splits(bars, actions, on="session"))
        .join(comparable_shares(shares, actions), on=_KEY, how="left", maintain_order="left")
        .with_columns(row=pl.int_range(pl.len(), dtype=pl.Int64))
        .with_columns(
            row_before=pl.when(is_figured).then("row").forward_fill().shift(1).over("symbol"),
            previous_session=pl.col("session").shift(1).over("symbol"),
            price_return=pl.col("close_usd") / pl.col("close_usd").shift(1).over("symbol") - 1,
        )
        .with_columns(
            pl.col(compared).gather(pl.col("row_before")).name.suffix("_before"),
            figures_before=pl.col("session").gather(pl.col("row_before")),
        )
        .with_columns(
            share_ratio=_count("") / _count("_before"),
            basis_ratio=(pl.col("close_usd") / pl.col("close_usd_before"))
            / (pl.col("present_nav_usd") / pl.col("present_nav_usd_before")),
        )
        .pipe(_with_status, actions)
        .pipe(_with_known_session, shares, actions)
    )


def share_splits(bars: pl.DataFrame, shares: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """List every split of a fund, listed or shown by its figures, with the evidence (``core.share_splits``).

    Args:
        bars: as in `with_last_figures`.
        shares: as in ``raw.shares_outstanding``.
        actions: as in ``raw.corporate_actions``.

    Returns:
        The columns of ``core.share_splits`` by (symbol, session).
    """
    compared = with_last_figures(bars, shares, actions)
    evidence = compared.select(
        *_KEY,
        previous_session="figures_before",
        share_ratio="share_ratio",
        nav_ratio=pl.col("present_nav_usd") / pl.col("present_nav_usd_before"),
        close_ratio=pl.col("close_usd") / pl.col("close_usd_before"),
        basis_ratio="basis_ratio",
        status="split_status",
    )
    shown = evidence.drop_nulls("status").with_columns(
        ratio=pl.when(status="denied").then(1.0).otherwise(pl.coalesce("basis_ratio", "share_ratio")),
        listed_session=pl.lit(None, pl.Date),
    )
    figured = evidence.filter(pl.col("share_ratio").is_not_null()).drop("status")
    listed = (
        matched_splits(newest_vintages(shares), actions, "shares", within=MAX_SESSIONS_OFF)
        .join(bars.select("symbol").unique(), on="symbol", how="semi")
        .rename({"session": "listed_session", "figures_session": "session", "value": "ratio"})
        .join(figured, on=_KEY, how="left")
        .with_columns(status=pl.lit("listed"))
    )
    columns = [name for name in table("core.share_splits").column_names if name not in {"is_inferred", "splits_line"}]
    rows = pl.concat([shown.select(columns), listed.select(columns)]).unique(_KEY, keep="first")
    ratio = pl.coalesce(nearest_simple(rows["ratio"]), "ratio").round_sig_figs(9)
    written = ratio.cast(pl.String).str.replace(r"\.0$", "")
    line = pl.format("{},{},{}", "symbol", pl.coalesce("listed_session", "session"), written)
    found = rows.with_columns(is_inferred=pl.col("status") == "inferred", splits_line=line)
    return in_order(found.select(table("core.share_splits").column_names), *_KEY)


def nearest_simple(ratios: pl.Series) -> pl.Series:
    """The simple split that each ratio is within 1 %; null where it is none."""
    simple = pl.Series("simple", sorted({*SIMPLE_SPLITS, *(1 / each for each in SIMPLE_SPLITS)})).set_sorted()
    found = (
        ratios.alias("ratio")
        .to_frame()
        .with_row_index("row")
        .filter(pl.col("ratio").is_finite())
        .sort("ratio")
        .join_asof(simple.to_frame(), left_on="ratio", right_on="simple", strategy="nearest")
        .filter(is_within(SIMPLE_RATIO, pl.col("ratio") / pl.col("simple")))
    )
    none = pl.repeat(None, ratios.len(), dtype=pl.Float64, eager=True)
    return none.scatter(found["row"], found["simple"])


def _with_known_session(compared: pl.DataFrame, shares: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Date each figure to when its basis was known: not between a split's listed session and the count's."""
    off = matched_splits(newest_vintages(shares), actions, "shares", within=MAX_SESSIONS_OFF).select(
        "symbol",
        since=pl.min_horizontal("session", "figures_session"),
        known_session=pl.max_horizontal("session", "figures_session"),
    )
    later = (
        compared.select(*_KEY)
        .join(off, on="symbol")
        .filter(pl.col("session").is_between("since", "known_session"))
        .group_by(_KEY)
        .agg(pl.col("known_session").max())
    )
    return compared.join(later, on=_KEY, how="left", maintain_order="left").with_columns(
        pl.col("known_session").fill_null(pl.col("session"))
    )


def _count(suffix: str) -> pl.Expr:
    """Present shares, else what net assets are of the net asset value."""
    both = pl.col("present_shares").is_not_null() & pl.col("present_shares_before").is_not_null()
    implied = pl.col(f"net_assets_usd{suffix}") / pl.col(f"present_nav_usd{suffix}")
    return pl.when(both).then(f"present_shares{suffix}").otherwise(implied)


def _with_status(compared: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    basis, count = pl.col("basis_ratio"), pl.col("share_ratio")
    is_far = (basis < NO_SPLIT_FROM) | (basis > NO_SPLIT_TO)
    is_inferred = is_far & is_within(SAME_RATIO, count / basis)
    is_large = (count >= SUSPECT_ABOVE - ROUNDING) | (count <= SUSPECT_BELOW + ROUNDING)
    is_suspected = basis.is_null() & is_large & pl.col("is_simple")
    status = first_that_holds((is_inferred, "inferred"), (is_suspected, "suspected"))
    is_simple = nearest_simple(compared["share_ratio"]).is_not_null()
    classified = compared.with_columns(is_simple=is_simple).with_columns(split_status=status).drop("is_simple")
    denied = listed_splits(actions).filter(is_ratio_of_1())
    if denied.is_empty():
        return classified
    hit = (
        classified.filter(pl.col("split_status").is_not_null())
        .select(*_KEY, "figures_before")
        .join(denied.select("symbol", at="session"), on="symbol")
        .filter(pl.col("at") > pl.col("figures_before"), pl.col("at") <= pl.col("session"))
        .select(*_KEY, is_denied=pl.lit(value=True))
        .unique()
    )
    return (
        classified.join(hit, on=_KEY, how="left", maintain_order="left")
        .with_columns(split_status=pl.when("is_denied").then(pl.lit("denied")).otherwise("split_status"))
        .drop("is_denied")
    )
