"""The market caps as the service gives them."""

from collections.abc import Iterator, Mapping

import dagster as dg

from marketflows_pipeline.assets.fetching import healed, retry_once
from marketflows_pipeline.assets.io_manager import table_name
from marketflows_pipeline.assets.tables import table_spec
from marketflows_pipeline.ingest.market_caps.run import IngestReport, refresh_market_caps
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.warehouse.publish import begin_part

SOURCE = dg.AssetSpec(
    dg.AssetKey(["coingecko", "api"]),
    description="The CoinGecko API: histories per coin, and pages of 250 coins. Data provided by CoinGecko.",
    group_name="sources",
    kinds={"api"},
    metadata={"url": dg.MetadataValue.url("https://docs.coingecko.com")},
)

RAW_TABLES = (
    "raw.coins",
    "raw.market_caps",
    "raw.narrative_members",
    "raw.cohort_members",
    "raw.category_names",
    "raw.category_snapshots",
)


@dg.multi_asset(
    name="ingest_market_caps",
    specs=[table_spec(name, deps=(SOURCE.key,)) for name in RAW_TABLES],
)
def ingest_market_caps(
    context: dg.AssetExecutionContext, run: dg.ResourceParam[RunContext]
) -> Iterator[dg.MaterializeResult[None]]:
    """Bring the raw tables up to now: pages, missing histories, gaps, as far as the month's credits reach."""
    begin_part(run.warehouse, "market_caps", run.run_id, run.started_at)
    with healed(run, "market_caps"), retry_once(context, run):
        report = refresh_market_caps(run)
    for key in context.selected_asset_keys:
        name = table_name(key)
        rows = run.warehouse.query(f"select count(*) as n from {name}").item()  # noqa: S608 (registered name)
        more = _metadata(report) if name == "raw.market_caps" else {}
        yield dg.MaterializeResult(asset_key=key, metadata={"dagster/row_count": rows, **more})


def _metadata(report: IngestReport) -> dict[str, dg.MetadataValue]:
    numbers = {
        "coins_followed": report.n_tracked,
        "rows_new": report.rows_new,
        "rows_revised": report.rows_revised,
        "rows_rejected": sum(report.rejected.values()),
        "calls": report.calls,
        "credits_spent_this_month": report.budget.spent,
        "credits_reserved": report.budget.reserved,
        "histories_waiting": report.backfilled.waiting,
        "gaps_waiting": report.repaired.waiting,
    }
    lists: dict[str, Mapping[str, int] | list[str]] = {
        "rejected": dict(report.rejected),
        "failed": [*report.backfilled.failed, *report.repaired.failed],
        "gone": list(report.gone),
    }
    return {
        **{name: dg.MetadataValue.int(value) for name, value in numbers.items()},
        **{name: dg.MetadataValue.json(value) for name, value in lists.items()},
    }
