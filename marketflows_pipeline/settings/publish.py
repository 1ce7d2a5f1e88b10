"""``[publish]``: where else a published file goes, and how long it stays there."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from marketflows_pipeline.settings.fields import TomlTable, Whole
from marketflows_pipeline.settings.object_storage import ObjectPlace, PlaceAddress, object_place


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
