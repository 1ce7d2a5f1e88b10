"""Small lines of the first screen, as inline SVG: they can be seen without scripts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup

_MOST = 90
_MARGIN = 2.5


def sparkline(values: Sequence[float | None], *, width: int = 120, height: int = 32) -> Markup:
    """A line with its last value as a dot; unknown values are gaps, and less than two known ones give nothing.

    Args:
        values: oldest first.
        width: px.
        height: px.
    """
    short = _short(values)
    known = [value for value in short if value is not None]
    if len(known) < 2:
        return Markup("")
    low, high = min(known), max(known)
    step = (width - 2 * _MARGIN) / (len(short) - 1)
    room = height - 2 * _MARGIN

    def point(place: int, value: float) -> tuple[float, float]:
        share = 0.5 if high == low else (value - low) / (high - low)
        return round(_MARGIN + place * step, 1), round(height - _MARGIN - share * room, 1)

    points = [None if value is None else point(place, value) for place, value in enumerate(short)]
    path = "".join(_path(points))
    x, y = next(each for each in reversed(points) if each is not None)
    return Markup(
        '<svg class="spark" viewBox="0 0 {width} {height}" width="{width}" height="{height}" aria-hidden="true" '
        'focusable="false"><path d="{path}"/><circle cx="{x:g}" cy="{y:g}" r="2.2"/></svg>'
    ).format(width=width, height=height, path=path, x=x, y=y)


def _short(values: Sequence[float | None]) -> list[float | None]:
    """No more values than the line can show; first and last one are kept."""
    if len(values) <= _MOST:
        return list(values)
    last = len(values) - 1
    return [values[round(place * last / (_MOST - 1))] for place in range(_MOST)]


def _path(points: Sequence[tuple[float, float] | None]) -> Iterator[str]:
    is_drawing = False
    for point, following in zip(points, [*points[1:], None], strict=True):
        if point is not None:
            # A value between two gaps is a line of no length, whose round ends are a dot.
            place = f"{point[0]:g} {point[1]:g}"
            yield f"L{place}" if is_drawing else f"M{place}" if following else f"M{place}L{place}"
        is_drawing = point is not None
