"""The list of categories, and the settings' slugs looked up in it before anything dear is asked for."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import NamedTuple

import polars as pl

from marketflows_pipeline.errors import ProviderError, UserInputError
from marketflows_pipeline.queries.categories import Categories, names_in_store, stored_categories
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.settings.faults import fault_line
from marketflows_pipeline.system.near_matches import did_you_mean, near_matches

log = logging.getLogger(__name__)

NARRATIVES_KEY, EXCLUDED_KEY = (f"providers.coingecko.{name}" for name in ("narratives", "exclude_categories"))
# What stays unknown is looked for again after a day where its members are stored, else after an hour.
ASK_AGAIN_AFTER, ASK_SOON_AFTER = timedelta(days=1), timedelta(hours=1)


class Wanted(NamedTuple):
    """A category of the settings, the key that names it, and whether a default does rather than the user."""

    slug: str
    key: str
    is_default: bool = False


def resolve_categories(run: RunContext) -> Categories:
    """Find today's slug of each category of the settings, by a list that is asked for where one is not known.

    Raises:
        UserInputError: if the user names categories that no list holds and of which nothing is stored; all of them.
        ProviderError: if there is no list yet and the service fails.
    """
    wanted = [*_wanted(run)]
    categories = stored_categories(run)
    unknown = [each for each in wanted if categories.find(each.slug) is None]
    if unknown and _is_due(run, categories, unknown):
        categories = _refreshed(run, categories, unknown)
        for each in wanted:
            _say(categories, each)
        unknown = [each for each in wanted if categories.find(each.slug) is None]
    never_seen = _never_seen(run, unknown)
    if never_seen:
        raise UserInputError("\n".join(_fault(run, each, categories) for each in never_seen))
    return categories


def slugs_to_ask(run: RunContext, categories: Categories, slugs: Iterable[str]) -> list[str]:
    """Today's slugs of these categories, each once; of one that is no longer listed the last known members are used."""
    wanted = list(dict.fromkeys(map(categories.today, slugs)))
    dropped = [slug for slug in wanted if categories.listed and slug not in categories.listed]
    for slug in dropped:
        say_dropped(run, slug)
    return [slug for slug in wanted if slug not in dropped]


def say_dropped(run: RunContext, slug: str) -> None:
    """Warn of a category that the service has no longer."""
    log.warning("%s no longer lists the category %r; its last known members are used", run.provider.name, slug)


def _wanted(run: RunContext) -> Iterator[Wanted]:
    source = run.settings.source
    yield from (Wanted(slug, NARRATIVES_KEY) for slug in source.narratives_in_use)
    is_default = "exclude_categories" not in source.model_fields_set
    yield from (Wanted(slug, EXCLUDED_KEY, is_default) for slug in source.exclusions_in_use)


def _is_due(run: RunContext, categories: Categories, unknown: list[Wanted]) -> bool:
    if categories.as_of is None:
        return True
    rest = ASK_SOON_AFTER if _never_seen(run, unknown) else ASK_AGAIN_AFTER
    return run.started_at - categories.as_of >= rest


def look_again(run: RunContext, slug: str) -> None:
    """Ask for the list anew after a listed category was refused, so that the next run knows what became of it.

    Raises:
        UserInputError: if nothing is stored of it.
    """
    categories = stored_categories(run)
    wanted = next((each for each in _wanted(run) if categories.today(each.slug) == slug), Wanted(slug, NARRATIVES_KEY))
    if categories.as_of is None or run.started_at - categories.as_of >= ASK_SOON_AFTER:
        categories = _refreshed(run, categories, [wanted])
    if _never_seen(run, [wanted]):
        raise UserInputError(_fault(run, wanted, categories))
    say_dropped(run, slug)


def _refreshed(run: RunContext, before: Categories, unknown: list[Wanted]) -> Categories:
    try:
        rows = run.provider.category_list()
    except ProviderError as error:
        if _never_seen(run, unknown):
            raise
        log.warning("the list of categories is not known yet: %s", error)
        return before
    seen = run.warehouse.accepted("raw.category_names", columns=["category_id", "first_seen_at"])
    at = pl.lit(run.started_at).cast(pl.Datetime("us", "UTC"))
    run.warehouse.merge(
        "raw.category_names",
        rows.unique("slug", keep="first", maintain_order=True)
        .rename({"slug": "category_id"})
        .join(seen, on="category_id", how="left", maintain_order="left")
        .select("category_id", "name", pl.col("first_seen_at").fill_null(at), at.alias("last_seen_at")),
    )
    return stored_categories(run)


def _say(categories: Categories, wanted: Wanted) -> None:
    today = categories.find(wanted.slug)
    if today is None and wanted.is_default:
        log.warning("%s: the default %r is no category today; nothing is left out for it", wanted.key, wanted.slug)
    if today is not None and today != wanted.slug:
        log.info("%s: %r is %r today (%s)", wanted.key, wanted.slug, today, categories.listed[today])


def _never_seen(run: RunContext, unknown: list[Wanted]) -> list[Wanted]:
    named = [each for each in unknown if not each.is_default]
    known = set(names_in_store(run, [each.slug for each in named])["narrative"])
    return [each for each in named if each.slug not in known]


def _fault(run: RunContext, wanted: Wanted, categories: Categories) -> str:
    near = near_matches(wanted.slug, {slug: (name,) for slug, name in categories.listed.items()})
    meant = did_you_mean(near) or "."
    expected = (
        f"expected a category that {run.provider.name} knows{meant} A slug is the last part of a category's address"
        " under https://www.coingecko.com/en/categories"
    )
    return fault_line(run.config, wanted.key, wanted.slug, expected)
