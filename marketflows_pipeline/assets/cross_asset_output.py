"""What people see of the cross-asset part: the published file, and the pictures."""

import dagster as dg

from marketflows_pipeline.assets.showing import publish_part
from marketflows_pipeline.assets.tables import OWNERS, asset_key
from marketflows_pipeline.schema import tables_of
from marketflows_pipeline.session import Session


@dg.asset(
    key=["published", "cross_asset"],
    deps=[asset_key(entry.name) for entry in tables_of("cross_asset")],
    group_name="cross_asset_output",
    kinds={"duckdb"},
    owners=OWNERS,
)
def published_cross_asset(session: dg.ResourceParam[Session]) -> dg.MaterializeResult[None]:
    """The cross-asset tables in the DuckDB file for ad-hoc SQL, once every blocking check has passed."""
    return publish_part(session, "cross_asset")
