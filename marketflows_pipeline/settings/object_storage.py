"""``[publish]`` and ``[object_storage]``: what is uploaded, and the S3 service that it goes to, with its keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_core.core_schema import ValidationInfo

from marketflows_pipeline.providers.http.addresses import keeps_secrets
from marketflows_pipeline.settings.fields import Text, TomlTable, WebAddress, Whole, expected

UrlStyle = Literal["vhost", "path"]
SCHEME = "s3://"
# What every S3 service takes; names with other characters would need quoting in one of the places they come to.
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_SEGMENT = re.compile(r"[A-Za-z0-9_=+,@.-]{1,128}")
_REGION = re.compile(r"[a-z0-9-]{1,40}")
_MAX_PREFIX = 512
# Where each of the keys is in the environment, by its name in secrets.toml; a file may be named by NAME_FILE instead.
KEY_VARIABLES: Mapping[str, str] = {"key_id": "AWS_ACCESS_KEY_ID", "secret": "AWS_SECRET_ACCESS_KEY"}
TOKEN_VARIABLE = "AWS_SESSION_TOKEN"  # noqa: S105 (the name of a variable)
# As the tools of AWS call them.
ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")


@dataclass(frozen=True)
class ObjectPlace:
    """A bucket and what all names of objects in it begin with, without the slash at the end."""

    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.prefix}"


def object_place(text: str) -> ObjectPlace:
    """The place that ``s3://bucket/prefix`` names.

    Raises:
        PydanticCustomError: if it is no such address, or its names are not plain.
    """
    bucket, _, prefix = text.removeprefix(SCHEME).partition("/")
    prefix = prefix.removesuffix("/")
    segments = prefix.split("/")
    is_plain = all(_SEGMENT.fullmatch(each) and each not in {".", ".."} for each in segments)
    if not text.startswith(SCHEME) or not _BUCKET.fullmatch(bucket) or ".." in bucket:
        raise expected("s3://bucket/prefix, the bucket in lower-case letters, digits, dots and hyphens")
    if not is_plain or len(prefix) > _MAX_PREFIX:
        raise expected("s3://bucket/prefix, the prefix in letters, digits and any of _ = + , @ . - between slashes")
    return ObjectPlace(bucket, prefix)


def _region(text: str) -> str:
    if not _REGION.fullmatch(text):
        raise expected('the name of a region, such as "us-east-1"')
    return text


PlaceAddress = Annotated[Text, AfterValidator(lambda text: str(object_place(text)))]


class ObjectStorage(TomlTable):
    """``[object_storage]``: where the service is."""

    allow_http: bool = Field(False, strict=True, description="Take an endpoint of http:// on another machine")
    endpoint: WebAddress | None = Field(None, description="Address of the service; AWS where not said")
    region: Annotated[Text, AfterValidator(_region)] = Field("us-east-1", description="Region of the bucket")
    url_style: UrlStyle = Field("vhost", description="Bucket in the host's name (vhost) or path; path with an endpoint")

    @model_validator(mode="before")
    @classmethod
    def _style_of_endpoint(cls, said: object) -> object:
        # Only AWS and few others have a host for each bucket.
        if isinstance(said, dict) and said.get("endpoint") and "url_style" not in said:
            return {**said, "url_style": "path"}
        return said

    @field_validator("endpoint")
    @classmethod
    def _encrypted(cls, endpoint: str | None, info: ValidationInfo) -> str | None:
        if endpoint is not None and not keeps_secrets(endpoint) and not info.data.get("allow_http"):
            raise expected(
                "https://, since data and requests would travel in the clear; http:// is for this machine only "
                "(localhost, 127.0.0.1, [::1]), or with allow_http = true for a private network"
            )
        return endpoint


class ObjectKeys(BaseModel):
    """Keys of the service; never shown by repr, str or dump."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    key_id: SecretStr
    secret: SecretStr
    token: SecretStr | None = Field(None, description="Of keys that are lent for a time")


def object_keys(found: Mapping[str, str], path: Path | None, faults: list[str]) -> ObjectKeys | None:
    """The keys out of what was found by name; None where there is neither.

    Args:
        found: ``key_id``, ``secret`` and ``token``, as far as they were found.
        path: the secrets file, for messages.
        faults: gathers one line per fault.
    """
    missing = [name for name in KEY_VARIABLES if name not in found]
    if missing == list(KEY_VARIABLES):
        return None
    for name in missing:
        faults.append(
            f"{path or 'secrets.toml'}: [object_storage] {name} is missing, and so is {KEY_VARIABLES[name]} in the "
            "environment: expected both keys of the service, or neither"
        )
    return None if missing else ObjectKeys.model_validate(dict(found))


def storage_of(environ: Mapping[str, str], said: ObjectStorage | None) -> ObjectStorage:
    """The service that a reader means: that of the settings, else that of the environment, else AWS.

    Raises:
        ValidationError: if the environment names no usable service.
    """
    if said is not None:
        return said
    endpoint, region = _first(environ, ENDPOINT_VARIABLES), _first(environ, REGION_VARIABLES)
    values: dict[str, Any] = {"endpoint": endpoint} if endpoint else {}
    return ObjectStorage.model_validate(values | ({"region": region} if region else {}))


def _first(environ: Mapping[str, str], names: Iterable[str]) -> str:
    return next((value for name in names if (value := environ.get(name, "").strip())), "")


class Publish(TomlTable):
    """``[publish]``: uploads for readers on other machines."""

    upload: PlaceAddress | None = Field(None, description="s3://bucket/prefix; without it nothing is uploaded")
    raw: bool = Field(False, strict=True, description="Upload the services' own figures (raw tables) too")
    keep_versions: Whole = Field(2, ge=2, le=10_000, description="Newest uploaded files that stay")
    keep_hours: Whole = Field(24, ge=24, le=87_600, description="Hours for which an uploaded file stays in any case")

    @property
    def place(self) -> ObjectPlace | None:
        """Where files are uploaded to, or None."""
        return None if self.upload is None else object_place(self.upload)

    @property
    def kept_for(self) -> timedelta:
        """How long an uploaded file stays in any case."""
        return timedelta(hours=self.keep_hours)
