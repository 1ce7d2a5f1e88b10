"""How files of people's own data are named: found by a symbol, or refused where another name is most likely a slip."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from marketflows_pipeline.errors import NotFoundError, UserInputError
from marketflows_pipeline.system.near_matches import find_slips

SUFFIXES = (".csv", ".parquet")


def find_file(
    folder: Path, kind: str, name: str, *, also_called: Collection[str] = (), others: Collection[str] = ()
) -> Path:
    """The file of a symbol, such as ``bars/SPY.csv``; its name is the symbol, in the same case.

    ``also_called`` are names of the same asset elsewhere, by which its file is not to be named; ``others`` are symbols
    of other assets, whose files are no slips.

    Raises:
        NotFoundError: there is none.
        UserInputError: the folder is missing, there is one file of each format, or one that is meant for the symbol by
            all likelihood and named otherwise, in another case say.
    """
    if not folder.is_dir():
        raise UserInputError(f"{folder}: expected a folder, as `folder` in [cross_asset] names it; there is none")
    kept = sorted((folder / kind).iterdir()) if (folder / kind).is_dir() else []
    files = [file for file in kept if file.suffix in SUFFIXES and file.stem == name]
    if len(files) > 1:
        raise UserInputError(f"{files[0]}: {files[1].name} is there too; keep the one that counts")
    if files:
        return files[0]
    if file := _slip(kept, name, also_called, others):
        raise UserInputError(
            f"{file}: expected {kind}/{name}.csv or .parquet, found {file.name!r}; a file is named as the symbol, in "
            f"its case"
        )
    alike = [file.name for file in kept if file.stem.casefold() == name.casefold()]
    hint = f"; {', '.join(alike)} is there, but a file is named as the symbol, in its case" if alike else ""
    raise NotFoundError(f"folder: no {kind}/{name}.csv or .parquet in {folder}{hint}", provider="folder")


def _slip(kept: Collection[Path], name: str, also_called: Collection[str], others: Collection[str]) -> Path | None:
    """A table whose name is most likely a slip for `name`.

    Another letter is none here: a folder may hold more symbols than are asked for, and a missing file is told anyway.
    """
    tables = [file for file in kept if file.suffix.casefold() in SUFFIXES and file.stem not in {*others} - {name}]
    called = dict.fromkeys([*also_called, name], name)
    sure = find_slips([file.stem for file in tables], called, a_letter_off_excused_by=0).sure
    return next((file for file in tables if file.stem == name or file.stem in sure), None)
