"""The page, written anew after each part's publish."""

import dagster as dg

from marketflows_pipeline.assets.cross_asset_output import CROSS_ASSET_PICTURES
from marketflows_pipeline.assets.exchanges_output import EXCHANGE_PICTURES
from marketflows_pipeline.assets.market_caps_output import MARKET_CAP_PICTURES
from marketflows_pipeline.assets.page import write_page
from marketflows_pipeline.assets.publishing import Pictures, output_asset, try_to_begin
from marketflows_pipeline.assets.tables import Run


def page_after(pictures: Pictures) -> dg.AssetsDefinition:
    """The asset that writes the page once a part is published, and begins its pictures where that is not done yet."""

    @output_asset("report", pictures.part, deps=[f"published.{pictures.part}"], kinds={"html"})
    def page(context: dg.AssetExecutionContext, run: Run) -> dg.MaterializeResult[None]:
        """One offline HTML file of all that is published: brief, charts and their figures."""
        metadata = write_page(run)
        try_to_begin(context, run, pictures)
        return dg.MaterializeResult(metadata=metadata)

    return page


report_market_caps = page_after(MARKET_CAP_PICTURES)
report_exchanges = page_after(EXCHANGE_PICTURES)
report_cross_asset = page_after(CROSS_ASSET_PICTURES)
