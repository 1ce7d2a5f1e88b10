"""Raw tables of market caps, as the service sends them."""

from collections.abc import Iterator, Mapping

import dagster as dg

from marketflows_pipeline.assets.fetching import ingesting, source_spec, stored_tables
from marketflows_pipeline.assets.tables import Run, table_spec
from marketflows_pipeline.clients import Clients
from marketflows_pipeline.ingest.credits import Credits
from marketflows_pipeline.ingest.market_caps.cross_check import check_against
from marketflows_pipeline.ingest.market_caps.run import IngestReport, refresh_market_caps
from marketflows_pipeline.ingest.raw_writer import MarketCapWriter
from marketflows_pipeline.providers.granularity import Granularity

SOURCE = source_spec(
    "coingecko",
    "api",
    description="The CoinGecko API: histories per coin, and pages of 250 coins. Data provided by CoinGecko.",
    url="https://docs.coingecko.com",
)

RAW_TABLES = (
    "raw.coins",
    "raw.market_caps",
    "raw.narrative_members",
    "raw.cohort_members",
    "raw.category_names",
    "raw.category_snapshots",
    "raw.cross_check_caps",
)


@dg.multi_asset(name="ingest_market_caps", specs=[table_spec(name, deps=(SOURCE.key,)) for name in RAW_TABLES])
def ingest_market_caps(
    context: dg.AssetExecutionContext, run: Run, clients: dg.ResourceParam[Clients]
) -> Iterator[dg.MaterializeResult[None]]:
    """Bring the raw tables up to now: pages, missing histories, gaps, as far as the month's credits reach."""
    warehouse, settings, clock = run.warehouse, run.settings, run.clock
    with ingesting(context, run, clients, "market_caps"):
        writer = MarketCapWriter(warehouse, clock, run.started_at, Granularity.of_window(settings.source.days))
        report = refresh_market_caps(
            clients.market_caps,
            writer,
            settings,
            credits=Credits(settings, warehouse, clients.ledger, clock),
            waits=clients.waits.of(clients.market_caps.name),
            reporter=run.reporter,
            deadline=run.history_deadline,
        )
        if (name := settings.market_caps.cross_check) is not None:
            ids = settings.market_caps.cross_check_ids
            check_against(clients.service_of(name), writer, ids, clients.waits.of(name))
    yield from stored_tables(context, warehouse, market_caps=_metadata(report))


def _metadata(report: IngestReport) -> dict[str, dg.MetadataValue]:
    numbers = {
        "coins_followed": report.n_tracked,
        "rows_new": report.tally.rows_new,
        "rows_revised": report.tally.rows_revised,
        "rows_rejected": report.tally.rejected.total(),
        "calls": report.calls,
        "credits_spent_this_month": report.budget.spent,
        "credits_reserved": report.budget.reserved,
        "histories_waiting": report.backfilled.waiting,
        "gaps_waiting": report.repaired.waiting,
    }
    lists: dict[str, Mapping[str, int] | list[str]] = {
        "rejected": dict(report.tally.rejected),
        "failed": [*report.backfilled.failed, *report.repaired.failed],
        "gone": list(report.gone),
    }
    return {
        **{name: dg.MetadataValue.int(value) for name, value in numbers.items()},
        **{name: dg.MetadataValue.json(value) for name, value in lists.items()},
    }
