"""What a reader sees of ranked bars: rows from the top, and bars."""

from __future__ import annotations

from typing import Any

from marketflows_pipeline_tests.charts.exchanges.frames import marks, rows_of


def ranked_rows(vega_lite: dict[str, Any]) -> list[dict[str, Any]]:
    """Name, detail, bars (text, ink) and columns (text, ink) of each row, from the top."""
    rows: dict[int, dict[str, Any]] = {}
    for layer in marks(vega_lite, "text"):
        if "row" not in layer.get("encoding", {}).get("y", {}).get("field", ""):
            continue
        for record in rows_of(vega_lite, layer):
            row = rows.setdefault(int(record["row"]), {"name": "", "detail": "", "bars": {}, "columns": []})
            if "bar" in record:
                row["bars"][record["bar"]] = (record["text"], record["ink"])
            elif "detail" in record:
                row |= {"name": record["text"], "detail": record["detail"], "ink": record["ink"]}
            else:
                row["columns"].append((record["text"], record["ink"]))
    return [row | {"bars": [row["bars"][bar] for bar in sorted(row["bars"])]} for _, row in sorted(rows.items())]


def drawn_bars(vega_lite: dict[str, Any]) -> list[tuple[str, float, float, str]]:
    """Name of the row, start, end and colour of each part of each bar, from the top."""
    names = [row["name"] for row in ranked_rows(vega_lite)]
    parts = [record for layer in marks(vega_lite, "bar") for record in rows_of(vega_lite, layer)]
    parts.sort(key=lambda part: (int(part["row"]), part["bar"]))
    return [(names[int(part["row"])], part["start"], part["end"], part["fill"]) for part in parts]
