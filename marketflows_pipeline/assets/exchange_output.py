"""What people see of exchanges: the published file, and the pictures."""

import dagster as dg

from marketflows_pipeline.assets.showing import publish_part
from marketflows_pipeline.assets.tables import OWNERS, asset_key
from marketflows_pipeline.schema import tables_of
from marketflows_pipeline.session import Session


@dg.asset(
    key=["published", "exchanges"],
    deps=[asset_key(entry.name) for entry in tables_of("exchanges")],
    group_name="exchanges_output",
    kinds={"duckdb"},
    owners=OWNERS,
)
def published_exchanges(session: dg.ResourceParam[Session]) -> dg.MaterializeResult[None]:
    """The exchange tables in the DuckDB file for ad-hoc SQL, once every blocking check has passed."""
    return publish_part(session, "exchanges")
