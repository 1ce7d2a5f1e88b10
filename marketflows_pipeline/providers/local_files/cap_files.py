"""Files of market caps in a folder of the user's: read once per run, checked row by row, joined to one frame.

Every ``.csv`` and ``.parquet`` file of the folder holds rows of market caps, but for ``categories.csv``. Columns:

- ``coin_id`` (or ``coin``), ``ts`` and ``market_cap_usd`` (or ``market_cap``), which must be there;
- ``price_usd`` (or ``price``), ``volume_usd`` (or ``volume``, of the 24 hours before), ``circulating_supply``,
  ``name``, ``symbol`` and ``currency`` (``USD``), which may.

``ts`` is a date, which is its midnight, or an ISO time; both are UTC unless a time states its offset. Of two rows of a
coin and time the later one counts, in a later file by name or further down. ``categories.csv`` has ``category`` and
``coin_id``.

A bad row is left out as that of a service is (``providers/bad_rows.py``). Links are not followed: a link to another
file would bring that file's first lines into messages.
"""

from __future__ import annotations

import logging
import stat
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import polars as pl

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.providers.bad_rows import BadRows
from marketflows_pipeline.providers.http.responses import one_line
from marketflows_pipeline.providers.local_files.checked_table import CheckedTable
from marketflows_pipeline.providers.local_files.file_names import SUFFIXES
from marketflows_pipeline.providers.local_files.tables import read_file
from marketflows_pipeline.providers.protocols.market_caps import UTC_TIME
from marketflows_pipeline.transforms.market_caps.observations import MAX_CAP_USD
from marketflows_pipeline.transforms.time_span import COINS_SINCE

logger = logging.getLogger(__name__)

CATEGORIES = "categories"
FIGURES = ("market_cap_usd", "price_usd", "volume_usd", "circulating_supply")
NAMES = ("name", "symbol")
ALSO_CALLED = {"coin": "coin_id", "market_cap": "market_cap_usd", "price": "price_usd", "volume": "volume_usd"}
# Beyond any archive by day; each file has its own limits (``tables.py``).
MAX_FILES = 1_000
MAX_ROWS = 5_000_000

POINT_SCHEMA = pl.Schema(
    {"coin_id": pl.String(), "ts": UTC_TIME} | dict.fromkeys(FIGURES, pl.Float64()) | dict.fromkeys(NAMES, pl.String())
)
MEMBER_SCHEMA = pl.Schema({"category": pl.String(), "coin_id": pl.String()})


class _Stamp(NamedTuple):
    """By which a file that was read is told from one that was changed since."""

    size: int
    changed_ns: int


@dataclass(frozen=True)
class Contents:
    """All files of a folder: market caps by coin and time in POINT_SCHEMA, categories in MEMBER_SCHEMA."""

    points: pl.DataFrame
    members: pl.DataFrame

    def of_coin(self, coin_id: str) -> pl.DataFrame:
        """The points of one coin; none of one that is in no file."""
        return self.points.slice(*self._places.get(coin_id, (0, 0)))

    @cached_property
    def _places(self) -> dict[str, tuple[int, int]]:
        """First row and number of rows of each coin: a look at all rows for each of a thousand coins takes seconds."""
        by_coin = self.points.with_row_index("first").group_by("coin_id").agg(pl.col("first").min(), pl.len())
        return {coin: (first, n_rows) for coin, first, n_rows in by_coin.iter_rows()}


class CapFiles:
    """The files of one folder. Each is read when it is first needed, and again when its size or time has changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, tuple[_Stamp, pl.DataFrame]] = {}
        self._stamps: dict[Path, _Stamp] | None = None
        self._contents = Contents(POINT_SCHEMA.to_frame(), MEMBER_SCHEMA.to_frame())

    def contents(self) -> Contents:
        """All that the folder holds now, whatever its times.

        Raises:
            UserInputError: there is no such folder, it has no table of market caps, or one of its files cannot be read.
        """
        stamps = _stamped_files(self._folder)
        if stamps == self._stamps:
            return self._contents
        read: dict[Path, tuple[_Stamp, pl.DataFrame]] = {}
        for file, stamp in stamps.items():
            read[file] = self._read_once(file, stamp)
            if sum(frame.height for _, frame in read.values()) > MAX_ROWS:
                raise UserInputError(f"{self._folder}: expected at most {MAX_ROWS:,} rows in all files, found more")
        self._read = read
        points = [frame for file, (_, frame) in read.items() if not _is_of_categories(file)]
        if not points:
            raise UserInputError(f"{self._folder}: expected files of market caps, .csv or .parquet, found none")
        members = [frame for file, (_, frame) in read.items() if _is_of_categories(file)]
        self._contents = Contents(
            _once_each(self._folder, pl.concat(points)),
            pl.concat([MEMBER_SCHEMA.to_frame(), *members]).unique(maintain_order=True),
        )
        _warn_of_unknown_members(self._folder, self._contents)
        self._stamps = stamps
        return self._contents

    def _read_once(self, file: Path, stamp: _Stamp) -> tuple[_Stamp, pl.DataFrame]:
        known = self._read.get(file)
        if known is not None and known[0] == stamp:
            return known
        return stamp, _read_members(file) if _is_of_categories(file) else _read_points(file)


def _is_of_categories(file: Path) -> bool:
    return file.stem.casefold() == CATEGORIES


def _stamped_files(folder: Path) -> dict[Path, _Stamp]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise UserInputError(
            f"{folder}: expected a folder, as `path` in [providers.folder] names it: {error.strerror}"
        ) from error
    files = {}
    for entry in entries:
        # Hidden files are those of programs: locks, and what a file browser remembers.
        if entry.name.startswith(".") or entry.suffix.casefold() not in SUFFIXES:
            continue
        files[entry] = _stamp(entry)
    if len(files) > MAX_FILES:
        raise UserInputError(f"{folder}: expected at most {MAX_FILES:,} files, found {len(files):,}")
    if len(of_categories := [file.name for file in files if _is_of_categories(file)]) > 1:
        raise UserInputError(f"{folder}: expected one of {' and '.join(of_categories)}; keep the one that counts")
    return files


def _stamp(file: Path) -> _Stamp:
    try:
        found = file.lstat()
    except OSError as error:
        raise UserInputError(f"{file}: cannot be read: {error.strerror}") from error
    if stat.S_ISLNK(found.st_mode):
        raise UserInputError(f"{file}: expected a file, found a link; put the file itself into the folder")
    if not stat.S_ISREG(found.st_mode):
        raise UserInputError(f"{file}: expected a file, found something else")
    return _Stamp(found.st_size, found.st_mtime_ns)


def _read_points(file: Path) -> pl.DataFrame:
    """The good rows of a file of market caps in POINT_SCHEMA, as they stand."""
    table = _read(file, required=("coin_id", "ts", "market_cap_usd"), optional=(*FIGURES, *NAMES, "currency"))
    table.refuse_other_words("currency", "USD")  # a euro would be taken for a dollar
    figures = {name: table.figures(name, at_most=MAX_CAP_USD if name == "market_cap_usd" else None) for name in FIGURES}
    points = {
        "coin_id": table.ids("coin_id"),
        "ts": table.moments("ts", since=COINS_SINCE),
        **figures,
        **{name: table.names(name) for name in NAMES},
    }
    return table.good(pl.DataFrame(points, schema=POINT_SCHEMA))


def _read_members(file: Path) -> pl.DataFrame:
    """The good rows of a file of categories in MEMBER_SCHEMA."""
    table = _read(file, required=MEMBER_SCHEMA.names(), may_be_empty=True)
    return table.good(pl.DataFrame({name: table.ids(name) for name in MEMBER_SCHEMA}, schema=MEMBER_SCHEMA))


def _read(
    file: Path, *, required: Collection[str], optional: Collection[str] = (), may_be_empty: bool = False
) -> CheckedTable:
    bad_rows = BadRows(str(file))
    table = read_file(
        file, required=required, optional=optional, called=ALSO_CALLED, may_be_empty=may_be_empty, bad_rows=bad_rows
    )
    return CheckedTable(table, bad_rows)


def _once_each(folder: Path, points: pl.DataFrame) -> pl.DataFrame:
    """The points by coin and time, the last of each; told where another one differs."""
    key = ["coin_id", "ts"]
    ordered = points.sort(key, maintain_order=True)
    is_same = (pl.col("coin_id") == pl.col("coin_id").shift()) & (pl.col("ts") == pl.col("ts").shift())
    differs = is_same & pl.col("market_cap_usd").ne_missing(pl.col("market_cap_usd").shift())
    different = ordered.filter(differs)
    if not different.is_empty():
        coin, ts = different.select(key).row(0)
        logger.warning(
            "%s: %d of %d rows state another market cap for a coin and time than a row before; the last one counts: %s "
            "at %s is the first",
            folder,
            different.height,
            points.height,
            one_line(coin),
            f"{ts:%Y-%m-%d %H:%M}",
        )
    return ordered.unique(key, keep="last", maintain_order=True)


def _warn_of_unknown_members(folder: Path, contents: Contents) -> None:
    unknown = sorted(set(contents.members["coin_id"]) - set(contents.points["coin_id"].unique()))
    if unknown:
        named = ", ".join(unknown[:3]) + (f" and {len(unknown) - 3} more" if len(unknown) > 3 else "")
        logger.warning("%s: coins of categories without a row of market caps: %s", folder, one_line(named))
