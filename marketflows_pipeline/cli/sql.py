"""`marketflows sql`: a question to the published file, answered at once."""

from __future__ import annotations

import sys

import click

from marketflows_pipeline.options import RunOptions


@click.command(short_help="Ask the published database.")
@click.argument("query")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "csv", "json", "parquet"]),
    default="table",
    show_default=True,
    help="How the answer is written to standard output.",
)
@click.pass_obj
def sql(options: RunOptions, query: str, output_format: str) -> None:
    """Open the published file read-only and print the answer to QUERY. Times are in UTC.

    Example: marketflows sql "select * from meta.publish"
    """
    # Imported here, so that --help does not wait for DuckDB.
    from marketflows_pipeline.settings import published_path  # noqa: PLC0415
    from marketflows_pipeline.warehouse.published import write_result  # noqa: PLC0415

    write_result(query, published_path(options), output_format, sys.stdout)
