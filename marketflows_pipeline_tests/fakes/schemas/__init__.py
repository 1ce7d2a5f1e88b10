"""The answers of the fakes as JSON schemas, written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker


def schema(name: str) -> dict[str, Any]:
    """A schema of this folder."""
    loaded: dict[str, Any] = json.loads(Path(__file__).with_name(f"{name}.json").read_text())
    return loaded


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    """What holds an answer to a schema, dates and all."""
    return Draft202012Validator(schema, format_checker=FormatChecker())
