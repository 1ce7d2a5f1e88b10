"""The list of categories, and the settings' slugs looked up in it before anything costly is requested."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import NamedTuple

import polars as pl

from marketflows_pipeline.errors import ProviderError, UserInputError
from marketflows_pipeline.ingest.raw_writer import RawWriter
from marketflows_pipeline.providers.protocols.market_caps import MarketCapProvider
from marketflows_pipeline.queries.categories import Categories, names_in_store, stored_categories
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.system.near_matches import did_you_mean, near_matches
from marketflows_pipeline.warehouse.store import Warehouse

log = logging.getLogger(__name__)

# The list is requested again for an unknown slug after a day where its members are stored, else after an hour.
REFRESH_AFTER, REFRESH_SOON_AFTER = timedelta(days=1), timedelta(hours=1)


class ConfiguredCategory(NamedTuple):
    """A category of the settings, the key that names it, and whether a default does rather than the user."""

    slug: str
    key: str
    is_default: bool = False


def resolve_categories(provider: MarketCapProvider, writer: RawWriter, settings: Settings) -> Categories:
    """Find today's slug of each category of the settings, by a list that is requested where one is not known.

    Raises:
        UserInputError: if the user names categories that no list holds and of which nothing is stored; all of them.
        ProviderError: if there is no list yet and the service fails.
    """
    wanted = [*_configured(settings)]
    categories = stored_categories(writer.warehouse)
    unknown = [each for each in wanted if categories.find(each.slug) is None]
    if unknown and _is_due(writer, categories, unknown):
        categories = _refreshed(provider, writer, categories, unknown)
        for each in wanted:
            _log_todays_slug(categories, each)
        unknown = [each for each in wanted if categories.find(each.slug) is None]
    never_seen = _never_seen(writer.warehouse, unknown)
    if never_seen:
        raise UserInputError("\n".join(_fault(provider, settings, each, categories) for each in never_seen))
    return categories


def narratives_to_fetch(
    provider: MarketCapProvider, warehouse: Warehouse, settings: Settings, categories: Categories
) -> list[str]:
    """Today's slugs of the narratives, each once; of one that is no longer listed the last known members are used.

    A default that the service never had is left out: its list said so.
    """
    source = settings.source
    slugs: Iterable[str] = source.narratives_in_use
    if source.is_default("narratives"):
        stored = set(names_in_store(warehouse, list(slugs))["narrative"])
        slugs = [slug for slug in slugs if categories.find(slug) is not None or slug in stored]
    wanted = list(dict.fromkeys(map(categories.today, slugs)))
    dropped = [slug for slug in wanted if categories.listed and slug not in categories.listed]
    for slug in dropped:
        warn_of_dropped(provider, slug)
    return [slug for slug in wanted if slug not in dropped]


def warn_of_dropped(provider: MarketCapProvider, slug: str) -> None:
    """Warn of a category that the service has no longer."""
    log.warning("%s no longer lists the category %r; its last known members are used", provider.name, slug)


def _configured(settings: Settings) -> Iterator[ConfiguredCategory]:
    source = settings.source
    for name, slugs in (("narratives", source.narratives_in_use), ("exclude_categories", source.exclusions_in_use)):
        yield from (ConfiguredCategory(slug, source.key(name), source.is_default(name)) for slug in slugs)


def _is_due(writer: RawWriter, categories: Categories, unknown: list[ConfiguredCategory]) -> bool:
    if categories.as_of is None:
        return True
    rest = REFRESH_SOON_AFTER if _never_seen(writer.warehouse, unknown) else REFRESH_AFTER
    return writer.moment - categories.as_of >= rest


def refresh_dropped(provider: MarketCapProvider, writer: RawWriter, settings: Settings, slug: str) -> None:
    """Request the list again after a listed category was refused, so that the next run knows its new slug.

    Raises:
        UserInputError: if nothing is stored of it.
    """
    categories = stored_categories(writer.warehouse)
    wanted = next(
        (each for each in _configured(settings) if categories.today(each.slug) == slug),
        ConfiguredCategory(slug, settings.source.key("narratives")),
    )
    if categories.as_of is None or writer.moment - categories.as_of >= REFRESH_SOON_AFTER:
        categories = _refreshed(provider, writer, categories, [wanted])
    if _never_seen(writer.warehouse, [wanted]):
        raise UserInputError(_fault(provider, settings, wanted, categories))
    warn_of_dropped(provider, slug)


def _refreshed(
    provider: MarketCapProvider, writer: RawWriter, before: Categories, unknown: list[ConfiguredCategory]
) -> Categories:
    try:
        rows = provider.category_list()
    except ProviderError as error:
        if _never_seen(writer.warehouse, unknown):
            raise
        log.warning("the list of categories is not known yet: %s", error)
        return before
    seen = writer.warehouse.accepted("raw.category_names", columns=["category_id", "first_seen_at"])
    at = pl.lit(writer.moment).cast(pl.Datetime("us", "UTC"))
    writer.store(
        "raw.category_names",
        rows.unique("slug", keep="first", maintain_order=True)
        .rename({"slug": "category_id"})
        .join(seen, on="category_id", how="left", maintain_order="left")
        .with_columns(pl.col("first_seen_at").fill_null(at), at.alias("last_seen_at")),
    )
    return stored_categories(writer.warehouse)


def _log_todays_slug(categories: Categories, wanted: ConfiguredCategory) -> None:
    today = categories.find(wanted.slug)
    if today is None and wanted.is_default:
        log.warning("%s: the default %r is no category today; the run goes on without it", wanted.key, wanted.slug)
    if today is not None and today != wanted.slug:
        log.info("%s: %r is %r today (%s)", wanted.key, wanted.slug, today, categories.listed[today])


def _never_seen(warehouse: Warehouse, unknown: list[ConfiguredCategory]) -> list[ConfiguredCategory]:
    named = [each for each in unknown if not each.is_default]
    known = set(names_in_store(warehouse, [each.slug for each in named])["narrative"])
    return [each for each in named if each.slug not in known]


def _fault(provider: MarketCapProvider, settings: Settings, wanted: ConfiguredCategory, categories: Categories) -> str:
    near = near_matches(wanted.slug, {slug: (name,) for slug, name in categories.listed.items()})
    meant = did_you_mean(near) or "."
    expected = f"expected a category that {provider.name} knows{meant} {settings.source.categories_at}"
    return settings.fault_line(wanted.key, wanted.slug, expected)
