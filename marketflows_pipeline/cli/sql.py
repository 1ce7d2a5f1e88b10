"""`marketflows sql`: a question to the published file, or to an uploaded version of it, answered at once."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from marketflows_pipeline.cli.report_command import answering_file, format_option_of
from marketflows_pipeline.cli.text import argument_text, read_standard_input, say, standard_output
from marketflows_pipeline.cli.usage import is_option_of
from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.warehouse.render import Format

if TYPE_CHECKING:
    from marketflows_pipeline.settings.object_storage import ObjectStorage
    from marketflows_pipeline.warehouse.published import LakeSnapshot
    from marketflows_pipeline.warehouse.remote import RemoteVersion

_MOST_DIGITS = 18
FORMATS = get_args(Format)
# A comment of the ready-made queries, which anybody's may have.
_NEEDS = re.compile(r"^-- Needs: (?P<what>.*)$", re.MULTILINE)


# A query may begin with a comment, which is no option.
@click.command(short_help="Ask the published database.", context_settings={"ignore_unknown_options": True})
@click.argument("query", callback=argument_text)
@format_option_of(*FORMATS)
@click.option(
    "--allow-files",
    is_flag=True,
    help="Let QUERY, and any view of the file, read and write other files with your rights.",
)
@click.option("--at", metavar="S3", help="Ask what was uploaded: s3://bucket/prefix, or one of its versions.")
@click.option("--snapshot", metavar="N", help="Ask a published snapshot of the lake by its number, or the latest.")
@click.pass_obj
def sql(
    options: RunOptions,
    query: str,
    output_format: Format,
    at: str | None,
    snapshot: str | None,
    *,
    allow_files: bool,
) -> None:
    """Open the published file read-only and print the answer to QUERY, or to standard input where it is -.

    QUERY reaches this file and nothing else, also where the file was received from somebody; with --allow-files it can
    join a CSV file of yours, as in the third example. Times are in UTC. Text is exact in csv, json and parquet, and a
    spreadsheet may take a cell of csv for a formula; a table spells out what cannot be shown, such as escape sequences.
    Where an answer has no rows, a comment of QUERY that begins with "-- Needs:" is repeated on standard error. For
    example:

    \b
    marketflows sql "select * from meta.publish"
    marketflows sql - < warehouse/queries/narrative_leaders.sql
    marketflows sql --allow-files "select * from raw.coins join 'mine.csv' using (coin_id)"
    marketflows sql --at s3://bucket/prefix "select * from meta.publish"
    marketflows sql --snapshot latest "select * from meta.publish"
    """  # noqa: D301 (click wants the backspace itself)
    from marketflows_pipeline.warehouse.user_query import write_result

    context = click.get_current_context()
    if is_option_of(context.find_root().command, query):
        # Otherwise it is a comment to DuckDB, and the question an empty one.
        raise click.UsageError("Missing argument 'QUERY'.", context)
    if snapshot is not None and (at is not None or allow_files):
        raise click.UsageError("--snapshot is for the lake alone: ask without --at and --allow-files.")
    if query == "-":
        query = read_standard_input()
    path = asked_snapshot(options, snapshot) if snapshot is not None else asked_file(options, at)
    n_rows = write_result(query, path, output_format, standard_output(), allow_files=allow_files)
    needs = _NEEDS.search(query)
    if n_rows == 0 and needs:
        say(f"no rows: this query needs {needs['what'].strip()}", is_error=True)


def asked_file(options: RunOptions, at: str | None) -> Path | RemoteVersion:
    """The database to ask: the published file, or the uploaded version that ``--at`` names."""
    if at is not None:
        if options.tutorial:
            raise click.UsageError("the tutorial uploads nothing; ask with --at but without --tutorial.")
        return remote_version(at, options, os.environ)
    return answering_file(options)


def asked_snapshot(options: RunOptions, number: str) -> LakeSnapshot:
    """The snapshot of the lake that ``--snapshot`` names.

    Raises:
        UserInputError: if it is no number, or the settings name no lake.
    """
    from marketflows_pipeline.settings import load_config, load_settings
    from marketflows_pipeline.warehouse.published import LakeSnapshot
    from marketflows_pipeline.warehouse.stores.lake_place import LakePlace

    if number != "latest" and not (number.isascii() and number.isdecimal() and len(number) <= _MOST_DIGITS):
        raise UserInputError(f"--snapshot {number!r}: expected the number of a snapshot, or latest")
    lake = None if options.tutorial else load_config(options.config, options.provider).warehouse.lake
    if lake is None:
        raise UserInputError('--snapshot: expected a lake: store = "ducklake" under [warehouse] in config.toml')
    settings = load_settings(options.config, options.secrets, os.environ, needs_key=False, provider=options.provider)
    return LakeSnapshot(LakePlace.of(lake, settings), None if number == "latest" else int(number))


def remote_version(address: str, options: RunOptions, environ: Mapping[str, str]) -> RemoteVersion:
    """The published version at an address, or the one that it names itself.

    No config.toml is needed; where there is one, its ``[object_storage]`` is the service.

    Args:
        address: ``s3://bucket/prefix``, its ``latest.json``, or one of its ``versions/*.duckdb``.
        options: name the two settings files.
        environ: environment variables; without keys in them or in secrets.toml, requests are not signed.

    Raises:
        UserInputError: if the address, a settings file or the environment is wrong.
        ObjectStorageError: if the service could not be asked, or nothing is published there.
    """
    # Imported here, because --help need not wait for pydantic.
    from pydantic_core import PydanticCustomError

    from marketflows_pipeline.object_storage.objects import open_objects
    from marketflows_pipeline.object_storage.pointer import parse_at, published_key
    from marketflows_pipeline.settings.keys import read_object_keys
    from marketflows_pipeline.settings.object_storage import object_place
    from marketflows_pipeline.warehouse.remote import RemoteVersion

    at = parse_at(address)
    try:
        place = object_place(at.prefix_address)
    except PydanticCustomError as error:
        raise UserInputError(f"--at: {error.message()}") from None
    storage = _storage(options, environ)
    faults: list[str] = []
    keys = read_object_keys(options.secrets, environ, faults)
    if faults:
        raise UserInputError("\n".join(faults))
    key = at.version or published_key(open_objects(place, storage, keys))
    return RemoteVersion(place, key, storage, keys)


def _storage(options: RunOptions, environ: Mapping[str, str]) -> ObjectStorage:
    from pydantic import ValidationError

    from marketflows_pipeline.settings import load_config
    from marketflows_pipeline.settings.object_storage import storage_of

    is_named = options.config != RunOptions().config
    said = load_config(options.config).object_storage if is_named or os.path.lexists(options.config) else None
    try:
        return storage_of(environ, said)
    except ValidationError as error:
        reasons = "; ".join(each["msg"] for each in error.errors(include_url=False, include_input=False))
        raise UserInputError(f"environment: AWS_ENDPOINT_URL or AWS_REGION: {reasons}") from None
