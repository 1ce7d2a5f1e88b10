"""Where the files of ``[warehouse]`` and the user's own folder are: found wrong before a run, not at its end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from marketflows_pipeline.options import TUTORIAL_PRIVATE, TUTORIAL_PUBLISHED, TUTORIAL_REPORT
from marketflows_pipeline.settings.faults import fault_line
from marketflows_pipeline.settings.models import OTHER_THAN_PRIVATE, ConfigFile
from marketflows_pipeline.settings.providers import Folder

_LOCK = ".lock"


def impossible_places(config_path: Path, config: ConfigFile) -> Iterator[str]:
    """One line for every database file that can be nowhere, such as one with the path of a folder, or is nowhere.

    Args:
        config_path: the file that names them.
        config: its settings.
    """
    for key, path in (("path", config.warehouse.path), ("published_path", config.warehouse.published_path)):
        if expectation := _place_expected(path):
            yield fault_line(config_path, f"warehouse.{key}", str(path), f"expected {expectation}")
    if expectation := _folder_expected(config.report.path):
        yield fault_line(config_path, "report.path", str(config.report.path), f"expected {expectation}")
    if config.publish.upload is not None and not config.warehouse.has_file:
        yield fault_line(
            config_path,
            "publish.upload",
            config.publish.upload,
            "expected no upload, or export = true under [warehouse.ducklake], which writes the file to upload",
        )


def taken_places(config_path: Path, secrets_path: Path | None, config: ConfigFile) -> Iterator[str]:
    """One line for every path that a run would use at the cost of another file, and for a folder that is not there.

    Args:
        config_path: the file that names them.
        secrets_path: the other file of the user's, or None.
        config: its settings.
    """
    files = config.warehouse
    others = {path: f"another file than {path}" for path in (config_path, secrets_path) if path is not None}
    others |= dict.fromkeys((TUTORIAL_PRIVATE, TUTORIAL_PUBLISHED), "another file than the tutorial's")
    lock = files.path.with_suffix(_LOCK)
    before_private = others | {lock: f"a name that does not end in {_LOCK}, which is the run lock's"}
    before_published = others | {files.path: OTHER_THAN_PRIVATE, lock: f"another file than {lock}, the run lock"}
    for key, path, taken in (
        ("path", files.path, before_private),
        ("published_path", files.published_path, before_published),
    ):
        expectation = next((words for other, words in taken.items() if _is_same(path, other)), None)
        if expectation is None and key == "published_path" and _is_plain(path):
            expectation = "a link made by this program, or nothing; move the file away"
        if expectation:
            yield fault_line(config_path, f"warehouse.{key}", str(path), f"expected {expectation}")
    if _is_same(config.report.path, TUTORIAL_REPORT):
        yield fault_line(
            config_path, "report.path", str(config.report.path), "expected another folder than the tutorial's"
        )
    folders: dict[str, Path | None] = {"cross_asset.folder": config.cross_asset.folder if config.cross_asset else None}
    if isinstance(config.source, Folder):
        folders[config.source.key("path")] = config.source.path
        if config.source.path is None:
            yield fault_line(config_path, config.source.key("path"), "", "expected the folder with the files")
    for key, folder in folders.items():
        if folder is not None and not os.path.isdir(folder):  # noqa: PTH112 - as in _place_expected
            yield fault_line(config_path, key, str(folder), "expected a folder that is there")


def _place_expected(path: Path) -> str | None:
    # Of what may not be looked at, os.path says no, where pathlib raises.
    if os.path.isdir(path):  # noqa: PTH112 (as above)
        return f"the path of a file; {path} is a folder"
    if os.path.exists(path) and not os.path.isfile(path):  # noqa: PTH110, PTH113 (as above)
        return f"the path of a plain file; {path} is none"
    nearest = next(parent for parent in path.absolute().parents if os.path.exists(parent))  # noqa: PTH110 (as above)
    return None if os.path.isdir(nearest) else f"a file in a folder; {nearest} is a file"  # noqa: PTH112 (as above)


def _folder_expected(path: Path) -> str | None:
    nearest = next(each for each in (path, *path.absolute().parents) if os.path.lexists(each))
    return None if os.path.isdir(nearest) else f"the path of a folder; {nearest} is none"  # noqa: PTH112 - as above


def _is_plain(path: Path) -> bool:
    return os.path.isfile(path) and not os.path.islink(path)  # noqa: PTH113, PTH114 - as in _place_expected


def _is_same(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file, however they are spelt: through links, dots, or as two names of it."""
    if os.path.realpath(one) == os.path.realpath(other) or _spelt_out(one) == _spelt_out(other):
        return True
    try:
        return one.samefile(other)
    except OSError:
        return False


def _spelt_out(path: Path) -> Path:
    """The path through no link but, maybe, its last part: what a rename would replace."""
    return Path(os.path.realpath(path.parent), path.name)
