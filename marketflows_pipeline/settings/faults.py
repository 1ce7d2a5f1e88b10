"""Words for what is wrong in a settings file: one line per fault, each naming file, key, value and expectation."""

from __future__ import annotations

import datetime
import difflib
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from marketflows_pipeline.system.near_matches import did_you_mean, near_matches

_MAX_SHOWN = 80
_MAX_LINES = 50
_SECRET_NAME = re.compile(r"key|secret|token|password", re.IGNORECASE)
_SECRET_VALUE = re.compile(
    r"CG-[\w-]+|\b(?=\w*[0-9])(?=\w*[A-Za-z])\w{20,}\b|(?<=//)[^/@\s]+@|\?[^'\s]*=[^'\s]*", re.IGNORECASE
)
_WORDS = {
    "tuple_type": "expected a list",
    "dict_type": "expected a table",
    "mapping_type": "expected a table",
    "model_type": "expected a table",
    "string_type": "expected text in quotes",
    "int_type": "expected a whole number",
    "bool_type": "expected true or false",
    "float_type": "expected a number",
    "finite_number": "expected a finite number",
    "too_short": "expected at least {min_length} entries",
    "too_long": "expected at most {max_length} entries",
    "greater_than": "expected more than {gt:g}",
    "greater_than_equal": "expected {ge:g} or more",
    "less_than": "expected less than {lt:g}",
    "less_than_equal": "expected {le:g} or less",
    "missing": "expected this key",
}

_NOT_HERE = "keys do not belong in this file: put them into secrets.toml or the environment"
_TABLE_FAULTS = frozenset({"dict_type", "mapping_type", "model_type"})
_LISTS_OF_TABLES = frozenset({"cross_asset.universe"})
_MAX_DIGITS = 1e15
# What is quoted though it is no text.
_UNQUOTED = {
    "int_type": re.compile(r"[+-]?\d{1,15}"),
    "float_type": re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?"),
    "bool_type": re.compile(r"true|false"),
}

Tables = dict[str, type[BaseModel]]


def fault_line(file: Path, key: str, value: object, expectation: str) -> str:
    """One line: ``config.toml: analysis.smoothing_ema = 0: expected a whole number from 1``."""
    return f"{file}: {_cut(without_secrets(key))} = {_shown(key, value)}: {expectation}"


def without_secrets(text: str) -> str:
    """The text without what looks like a key, wherever it was written."""
    return _SECRET_VALUE.sub("(not shown)", text)


def validation_lines(file: Path, error: ValidationError, model: type[BaseModel]) -> list[str]:
    """One line for every error that pydantic found in a file of this model."""
    tables = dict(_tables(model))
    errors = error.errors(include_url=False)
    spoilt = {found["loc"][:length] for found in errors for length in range(len(found["loc"]))}
    # A list of which an entry was refused is too short by that alone.
    shown = [found for found in errors if found["type"] != "too_short" or found["loc"] not in spoilt]
    lines = [_line(file, found, tables) for found in shown[:_MAX_LINES]]
    return lines if len(shown) <= _MAX_LINES else [*lines, f"{file}: and {len(shown) - _MAX_LINES:,} more faults"]


def unknown_key(key: str, names: Sequence[str], tables: Tables) -> str:
    """What to say about a key that the file does not have: the nearest one here, or the table it belongs in."""
    if _SECRET_NAME.search(key) and tables:
        return _NOT_HERE
    if near := near_matches(key, names, limit=1):
        return f"unknown key{did_you_mean(near)}"
    for table, model in tables.items():
        if table and key in model.model_fields:
            return f"unknown key here; it belongs in [{table}]"
    # Of tables that share a key the first is named.
    everywhere = {name: table for table, model in reversed(tables.items()) for name in model.model_fields}
    far = difflib.get_close_matches(key, list(everywhere), n=1, cutoff=0.75)
    if far and everywhere[far[0]]:
        return f"unknown key{did_you_mean([f'{far[0]} in [{everywhere[far[0]]}]'])}"
    return f"unknown key; known here: {', '.join(names)}"


def _shown(key: str, value: object) -> str:
    if _SECRET_NAME.search(key) or _may_hold_password(value):
        return "(not shown)"
    # A table is named by its key; what is in it may be meant for another file.
    if isinstance(value, dict) and value:
        return "{…}"
    return _cut(without_secrets(_written(value)))


def _may_hold_password(value: object) -> bool:
    """Whether it is the address of a database with more than belongs there; its password may be any text."""
    return isinstance(value, str) and value.startswith("postgres") and ("@" in value or "pass" in value.lower())


def _written(value: object) -> str:
    try:
        return repr(value) if isinstance(value, str | list | tuple) else str(value)
    except ValueError:  # a whole number of thousands of digits
        return "(too long to show)"


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _tables(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    yield path, model
    for name, field in model.model_fields.items():
        # A table may be left out (Model | None), or be one of several of its kind (tuple[Model, ...]).
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _tables(kind, f"{path}.{name}".lstrip("."))


def _keys(model: type[BaseModel]) -> list[str]:
    """A table's keys as they are written in the file."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _line(file: Path, found: ErrorDetails, tables: Tables) -> str:
    # Pydantic marks an error in a mapping's key by a last part of "[key]".
    parts = [part for part in found["loc"] if part != "[key]"]
    key = _dotted(parts)
    if found["type"] == "extra_forbidden":
        table = ".".join(part for part in parts[:-1] if isinstance(part, str))
        if isinstance(found["input"], dict) and any(map(_SECRET_NAME.search, found["input"])):
            return fault_line(file, key, found["input"], _NOT_HERE)
        return fault_line(file, key, found["input"], unknown_key(str(parts[-1]), _keys(tables[table]), tables))
    words = _WORDS.get(found["type"])
    if words is None:
        return fault_line(file, key, found["input"], found["msg"].replace("Input should be", "expected"))
    words = _by_number(words, found)
    written = _as_it_is_written(found["type"], key, found["input"])
    return fault_line(file, key, found["input"], words.format(**found.get("ctx", {})) + written)


def _by_number(words: str, found: ErrorDetails) -> str:
    """The words for one entry that is wanted, rather than several, a key or letters."""
    if found["type"] == "too_short" and found.get("ctx", {}).get("min_length") == 1:
        return "expected some text" if isinstance(found["input"], str) else "expected at least one entry"
    if found["type"] == "missing" and isinstance(found["loc"][-1], int):
        return "expected an entry here too"
    return words


def _as_it_is_written(kind: str, key: str, value: object) -> str:
    """How the user would write what seems to be meant; empty where nothing does."""
    meant = ""
    if kind == "tuple_type":
        meant = _list_as_it_is_written(key, value)
    elif kind in _TABLE_FAULTS and "[" not in key:
        meant = f": [{key}] on a line of its own, its keys below"
    elif kind == "string_type" and isinstance(value, int | float | datetime.date):
        meant = _shown_as(json.dumps(_toml(value)))
    elif isinstance(value, str) and kind in _UNQUOTED and _UNQUOTED[kind].fullmatch(value.strip()):
        meant = f" without quotes{_shown_as(value.strip())}"
    elif kind in {"int_type", "float_type"} and isinstance(value, list) and len(value) == 1:
        meant = f" without brackets{_shown_as(_toml(value[0]))}"
    elif kind == "int_type" and isinstance(value, float) and value.is_integer():
        meant = _shown_as(_toml(value))
    return meant


def _list_as_it_is_written(key: str, value: object) -> str:
    if key in _LISTS_OF_TABLES:
        return f" of tables, each with its keys below a line of its own: [[{key}]]"
    if key.endswith("]"):
        return " within the list, as in [[...], [...]]"
    # Text with commas is meant to be several entries, and digits in quotes a number.
    parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else [value]
    entries = [
        part if isinstance(part, str) and _UNQUOTED["float_type"].fullmatch(part) else _toml(part)
        for part in parts
        if part != "" and not isinstance(part, dict)
    ]
    return _shown_as(f"[{', '.join(entries)}]") if entries else " in brackets"


def _toml(value: object) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < _MAX_DIGITS:
        return str(int(value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str | bool) else _written(value)


def _shown_as(text: str) -> str:
    return f": {_cut(without_secrets(text))}"


def _dotted(parts: Sequence[int | str]) -> str:
    key = ""
    for part in parts:
        if isinstance(part, int):
            key += f"[{part}]"
        else:
            name = part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else repr(part)
            key += f".{name}" if key else name
    return key
