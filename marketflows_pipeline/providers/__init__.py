"""One module per outside service, over one shared HTTP client; they return polars frames and know no Dagster."""
