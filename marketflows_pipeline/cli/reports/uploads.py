"""How uploads stand, for `status` and `plan`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from marketflows_pipeline.cli.reports.report import figure, moment
from marketflows_pipeline.object_storage.last_upload import LastUpload, last_upload
from marketflows_pipeline.settings import ConfigFile
from marketflows_pipeline.system.printable import excerpt


def of_uploads(config: ConfigFile, private: Path) -> tuple[dict[str, Any], str]:
    """The last upload as keys and as a sentence; both empty where the settings upload nothing.

    Args:
        config: the settings.
        private: the private file, beside which the last upload is remembered.
    """
    if config.publish.upload is None:
        return {}, ""
    last = last_upload(private)
    facts = None if last is None else last.model_dump() | {"failed": bool(last.reason)}
    return {"upload": facts}, _sentence(config.publish.upload, last)


def _sentence(place: str, last: LastUpload | None) -> str:
    if last is None:
        return f"Uploads go to {place}; there was none yet."
    if last.reason:
        return f"The last upload to {excerpt(last.place)} FAILED ({moment(last.at)}): {excerpt(last.reason)}."
    size = figure(last.size_bytes, 1, " MB", 1e6)
    return f"Last upload to {excerpt(last.place)}: {moment(last.at)}, {size}; each publish uploads about as much."
