"""The uploaded version that ``--at`` names, found with what environment and settings say of the S3 service."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.options import RunOptions

if TYPE_CHECKING:
    from marketflows_pipeline.settings.object_storage import ObjectStorage
    from marketflows_pipeline.warehouse.remote import RemoteVersion


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
