"""Charts in UTC, wherever the reader is: Vega-Lite takes the browser's own time zone where nothing else is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SCALED = frozenset({"x", "y", "color", "fill", "stroke", "opacity", "size"})
_UTC = "utc"
_TO_THE_MINUTE = "utcyearmonthdatehoursminutes"


def in_utc(spec: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """A specification whose times are all scaled and written in UTC; what says so already stays as it is."""
    if isinstance(spec, Mapping):
        changed = {key: in_utc(value) for key, value in spec.items()}
        if isinstance(encoding := changed.get("encoding"), Mapping):
            changed["encoding"] = {channel: _channel(channel, value) for channel, value in encoding.items()}
        if isinstance(unit := changed.get("timeUnit"), str) and not unit.startswith(_UTC):
            changed["timeUnit"] = f"{_UTC}{unit}"
        return changed
    if isinstance(spec, list | tuple):
        return [in_utc(each) for each in spec]
    return spec


def _channel(name: str, definition: Any) -> Any:  # noqa: ANN401 - as above
    if isinstance(definition, list):
        return [_channel(name, each) for each in definition]
    if not isinstance(definition, Mapping) or definition.get("type") != "temporal":
        return definition
    if name in _SCALED:
        scale = definition.get("scale")
        if "scale" in definition and scale is None:
            return definition
        return {**definition, "scale": {"type": _UTC, **(scale or {})}}
    if "timeUnit" in definition or "aggregate" in definition:
        return definition
    return {**definition, "timeUnit": _TO_THE_MINUTE}
