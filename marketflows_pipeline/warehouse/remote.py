"""A published version in an S3 bucket, attached by DuckDB's httpfs, which reads only the blocks that a question needs.

The extension is the file of an installed package: nothing is downloaded. The keys are given to DuckDB for as long as
it takes to attach the version, and are gone before anything is asked.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import duckdb

from marketflows_pipeline.errors import MarketflowsError
from marketflows_pipeline.object_storage.objects import HOW_TO_INSTALL
from marketflows_pipeline.settings.object_storage import ObjectKeys, ObjectPlace, ObjectStorage
from marketflows_pipeline.warehouse import ddl
from marketflows_pipeline.warehouse.extensions import load_extension

_SECRET = "marketflows_reader"  # noqa: S105 (its name in DuckDB)


@dataclass(frozen=True)
class RemoteVersion:
    """One uploaded version: its object below a place, the service and the keys to read it with, if any."""

    place: ObjectPlace
    key: str
    storage: ObjectStorage
    keys: ObjectKeys | None

    def __str__(self) -> str:
        return f"{self.place}/{self.key}"


def attach_version(connection: duckdb.DuckDBPyConnection, version: RemoteVersion, name: str) -> None:
    """Attach an uploaded version under a name, to be read only.

    Raises:
        UserInputError: if the extra ``[s3]`` is not installed, or made for another DuckDB.
        MarketflowsError: if the version cannot be read.
    """
    load_httpfs(connection)
    make_secret(connection, _SECRET, version.storage, version.keys, scope=f"{version.place}/")
    try:
        connection.execute(f"attach {ddl.literal(str(version))} as {name} (type duckdb, read_only)")
    except duckdb.Error as error:
        raise _cannot_read(version, error) from None
    finally:
        # What is attached is read with them still; nothing else can be.
        connection.execute(f"drop secret if exists {_SECRET}")


def load_httpfs(connection: duckdb.DuckDBPyConnection) -> None:
    """Load the extension that reads and writes objects.

    Raises:
        UserInputError: if it is not installed, or is for another version of DuckDB.
    """
    load_extension(connection, "httpfs", what="s3://", how_to_install=HOW_TO_INSTALL)
    # Whichever of its two clients it uses.
    for setting in ("enable_server_cert_verification", "enable_curl_server_cert_verification"):
        connection.execute(f"set global {setting} = true")
    if certificates := os.environ.get("SSL_CERT_FILE"):
        connection.execute(f"set global ca_cert_file = {ddl.literal(certificates)}")


def make_secret(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    storage: ObjectStorage,
    keys: ObjectKeys | None,
    *,
    scope: str,
) -> None:
    """Tell the connection, until it is closed, how objects below ``scope`` are asked for; signed where keys are given.

    Args:
        connection: with httpfs loaded.
        name: of the secret.
        storage: the service.
        keys: of the service, or None.
        scope: what the addresses begin with, such as ``s3://bucket/prefix/``.

    Raises:
        MarketflowsError: if DuckDB refuses it; the message holds no key.
    """
    options, values = _options(storage, keys)
    given = ", ".join([*(f"{option} ${option}" for option in values), *options, f"scope {ddl.literal(scope)}"])
    try:
        connection.execute(f"create or replace temporary secret {name} (type s3, provider config, {given})", values)
    except duckdb.Error as error:
        raise MarketflowsError(f"DuckDB did not take the keys for {scope}: {type(error).__name__}") from None


def _options(storage: ObjectStorage, keys: ObjectKeys | None) -> tuple[list[str], Mapping[str, Any]]:
    """Options of a secret that can be seen, and those that go as parameters, so that no statement holds a key."""
    options = [f"region {ddl.literal(storage.region)}", f"url_style {ddl.literal(storage.url_style)}"]
    if storage.endpoint is not None:
        parts = urlsplit(storage.endpoint)
        options.append(f"endpoint {ddl.literal(parts.netloc + parts.path)}")
        options.append(f"use_ssl {str(parts.scheme == 'https').lower()}")
    held = {} if keys is None else {"key_id": keys.key_id, "secret": keys.secret, "session_token": keys.token}
    return options, {name: secret.get_secret_value() for name, secret in held.items() if secret is not None}


def of_the_service(error: duckdb.HTTPException) -> MarketflowsError:
    """What to say where a version could not be read on, without what the service wrote."""
    text = str(error)
    if "404" in text:
        return MarketflowsError(
            "the uploaded version was deleted while the question was answered: ask again, which takes the newest one; "
            "[publish] keep_hours says how long versions stay"
        )
    status = text.partition("(HTTP ")[2][:3]
    said = f"it answered with {status}" if status.isdigit() else "it did not answer"
    return MarketflowsError(f"the object storage failed while the question was answered ({said}): ask again")


def _cannot_read(version: RemoteVersion, error: duckdb.Error) -> MarketflowsError:
    if "not exist" in str(error) or "404" in str(error):
        return MarketflowsError(f"{version} is not there, or these keys may not read it")
    return MarketflowsError(f"{version} could not be opened as a database ({type(error).__name__})")
