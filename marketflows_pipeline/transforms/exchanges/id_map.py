"""Map the exchanges of one service to those of the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cases import first_that_holds

BY_CEXS, BY_PACKAGED, UNMAPPED = "cexs", "packaged", "none"
_TEXT = pl.String()


def name_as_slug(name: str = "name") -> pl.Expr:
    """What stands for the slug of an exchange that has none: its name in lower case, with ``-`` for spaces."""
    return pl.col(name).str.to_lowercase().str.replace_all(" ", "-", literal=True)


def exchange_map(
    listed: pl.DataFrame,
    cexs: pl.DataFrame,
    centralised: pl.DataFrame,
    packaged: Mapping[str, str],
    tracked: Sequence[str],
    *,
    kinds: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Every exchange that either service knows, once (``core.exchanges``).

    A row of DefiLlama belongs to the CoinGecko id that it names itself, if that id is listed, or is centralised or
    packaged and the packaged table has no listed one for its slug; else to the id for which the packaged table has its
    slug; else to none. A listed exchange that no row of DefiLlama
    belongs to takes its slug from the packaged table. The slug that DefiLlama itself does not give stays null.

    Where claims collide:

    - Two rows of DefiLlama claim one id: the row that names the id itself wins, then the one whose slug is packaged for
      that id, then one that has a slug, then the first by name. The others belong to none.
    - Two rows of DefiLlama have one slug: they are one exchange. The one that names an id stands, then the first by
      name.
    - The packaged table gives one slug to two ids: the first counts. A slug that DefiLlama gives to another id is
      not given again.
    - A slug, or a name in place of one, that is also the CoinGecko id of another exchange: that exchange keeps the
      key, and the other's key ends in ``@defillama``.

    Args:
        listed: exchange_id, name of every exchange that CoinGecko ever listed, each once.
        cexs: name, slug, coingecko_id, own_tokens of DefiLlama's newest overview; empty where it never answered.
        centralised: exchange_id of those that DefiLlama lists as centralised; empty where it never answered.
        packaged: CoinGecko id to DefiLlama slug.
        tracked: CoinGecko ids or DefiLlama slugs.
        kinds: exchange_id, is_centralised as CoinGecko says; by default it says nothing.

    Returns:
        The columns of ``core.exchanges`` by exchange_key. ``is_centralised`` is what CoinGecko says, else true for
        every row of ``cexs`` and ``centralised``, else null: who is in no list is not known to be decentralised.
    """
    ours = pl.DataFrame(
        {"packaged_id": list(packaged), "slug": list(packaged.values())},
        schema={"packaged_id": _TEXT, "slug": _TEXT},
    ).unique("slug", keep="first", maintain_order=True)
    known = pl.concat([listed["exchange_id"], centralised["exchange_id"], pl.Series(list(packaged), dtype=_TEXT)])
    claims = _claims(cexs, known.unique(), listed["exchange_id"], ours)
    unclaimed = (
        listed.select("exchange_id", "name")
        .join(claims, on="exchange_id", how="anti")
        .join(ours.join(claims, on="slug", how="anti"), left_on="exchange_id", right_on="packaged_id", how="left")
        .with_columns(
            mapped_by=first_that_holds((pl.col("slug").is_null(), UNMAPPED), otherwise=BY_PACKAGED),
            own_tokens=pl.lit(None, _TEXT),
            is_cex=pl.lit(value=False),
        )
    )
    claimed = (
        claims.join(listed.select("exchange_id", listed_name="name"), on="exchange_id", how="left")
        .with_columns(name=pl.coalesce("listed_name", "name"), is_cex=pl.lit(value=True))
        .select(unclaimed.columns)
    )
    is_listed = _is_among(pl.col("exchange_id"), centralised["exchange_id"].to_list())
    stated = pl.DataFrame(schema={"exchange_id": _TEXT, "is_centralised": pl.Boolean()}) if kinds is None else kinds
    return (
        pl.concat([claimed, unclaimed])
        .lazy()
        .with_columns(key=pl.coalesce("exchange_id", "slug", name_as_slug()))
        .join(stated.lazy().select("exchange_id", stated="is_centralised"), on="exchange_id", how="left")
        .sort(pl.col("exchange_id").is_null(), pl.col("slug").is_null(), "name")
        .with_columns(
            exchange_key=_distinct_key(),
            defillama_slug="slug",
            is_centralised=pl.coalesce("stated", pl.when(pl.col("is_cex") | is_listed).then(pl.lit(value=True))),
            is_tracked=_is_among(pl.col("exchange_id"), tracked) | _is_among(pl.col("slug"), tracked),
        )
        .pipe(table("core.exchanges").stored_form)
    )


def unknown_tracked(exchanges: pl.DataFrame, tracked: Sequence[str]) -> list[str]:
    """The tracked names that are neither an id nor a slug of any exchange, in the order given.

    Args:
        exchanges: exchange_id, defillama_slug, as `exchange_map` gives them.
        tracked: CoinGecko ids or DefiLlama slugs.
    """
    known = {*exchanges["exchange_id"].drop_nulls(), *exchanges["defillama_slug"].drop_nulls()}
    return [name for name in tracked if name not in known]


def with_exchange_key(cexs: pl.DataFrame, exchanges: pl.DataFrame) -> pl.DataFrame:
    """Rows of DefiLlama's overview with the key of their exchange.

    A row is found by its slug, else by its name if the exchange has neither slug nor id, else by the id that it names.
    A row of an older overview that the map has lost is its own exchange.

    Args:
        cexs: name, slug, coingecko_id and any further columns, of one or more observations.
        exchanges: as `exchange_map` gives them.

    Returns:
        The rows in their order, with a column ``exchange_key`` that is never null.
    """
    key = pl.col("exchange_key")
    has_slug, has_id = pl.col("defillama_slug").is_not_null(), pl.col("exchange_id").is_not_null()
    by_slug = exchanges.filter(has_slug).select(slug="defillama_slug", key_by_slug=key)
    by_name = exchanges.filter(~has_slug & ~has_id).select("name", key_by_name=key).unique("name", keep="first")
    by_id = exchanges.filter(has_id).select(coingecko_id="exchange_id", key_by_id=key)
    found = cexs.lazy()
    for keys, on in ((by_slug, "slug"), (by_name, "name"), (by_id, "coingecko_id")):
        found = found.join(keys.lazy(), on=on, how="left", maintain_order="left")
    return found.select(
        *cexs.columns, exchange_key=pl.coalesce("key_by_slug", "key_by_name", "key_by_id", "slug", name_as_slug())
    ).collect()


def _claims(cexs: pl.DataFrame, known: pl.Series, listed: pl.Series, ours: pl.DataFrame) -> pl.DataFrame:
    """Rows of DefiLlama with the exchange_id that each belongs to, each id at most once, and by what."""
    own, is_listed = pl.col("coingecko_id"), pl.col("coingecko_id").is_in(listed.implode())
    # DefiLlama matches some ids by display name, and names a derivatives exchange for a spot one.
    is_better_packaged = pl.col("packaged_id").is_in(listed.implode()).fill_null(value=False)
    own_id = pl.when(is_listed | (own.is_in(known.implode()) & ~is_better_packaged)).then(own)
    is_disputed = pl.col("claim").is_not_null() & ~pl.col("claim").is_first_distinct()
    return (
        cexs.select("name", "slug", "own_tokens", "coingecko_id")
        .join(ours, on="slug", how="left")
        .with_columns(own_id=own_id)
        .sort(pl.col("own_id").is_null(), "name")
        .filter(pl.col("slug").is_null() | pl.col("slug").is_first_distinct())
        .with_columns(claim=pl.coalesce("own_id", "packaged_id"))
        .sort(
            pl.col("own_id").is_null(),
            pl.col("own_id").ne_missing(pl.col("packaged_id")),
            pl.col("slug").is_null(),
            "name",
        )
        .with_columns(exchange_id=pl.when(~is_disputed).then("claim"))
        .with_columns(
            mapped_by=first_that_holds(
                (pl.col("exchange_id").is_null(), UNMAPPED),
                (pl.col("own_id").is_not_null(), BY_CEXS),
                otherwise=BY_PACKAGED,
            )
        )
        .select("exchange_id", "name", "slug", "own_tokens", "mapped_by")
    )


def _distinct_key() -> pl.Expr:
    """The key, made different from an equal one in an earlier row."""
    key, earlier = pl.col("key"), pl.int_range(pl.len()).over("key")
    return first_that_holds(
        (earlier == 0, key),
        (earlier == 1, pl.format("{}@defillama", key)),
        otherwise=pl.format("{}@defillama{}", key, earlier),
    )


def _is_among(name: pl.Expr, names: Sequence[str]) -> pl.Expr:
    return name.is_in(pl.Series(list(names), dtype=_TEXT).implode()).fill_null(value=False)
