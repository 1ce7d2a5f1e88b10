"""The model card: one page that says what a model is, what it was made from, and what it was worth."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from html import escape
from typing import Any

import polars as pl

from marketflows_pipeline.charts.cross_asset.model_figures import (
    HEADLINE_NAMES,
    KIND_NAMES,
    TARGET_NAMES,
    VARIANT_NAMES,
    ablation_text,
    figure,
    is_synthetic,
    placebo_text,
    suspicion_text,
    verdict,
)
from marketflows_pipeline.charts.style.wording import UNKNOWN, counted, day_text, moment, value_text
from marketflows_pipeline.models.verdicts import ALL, HEADLINES, MEAN_OF_ASSETS, WITH_FLOWS
from marketflows_pipeline.system.printable import visible

_COLUMNS = (
    ("Mean AUC of assets", "auc", MEAN_OF_ASSETS, 3, False),
    ("AUC by date", "date_auc", ALL, 3, False),
    ("Brier score", "brier", ALL, 4, False),
    ("Brier skill", "brier_skill", ALL, 4, True),
    ("Log loss", "log_loss", ALL, 4, False),
    ("Calibration error", "ece", ALL, 4, False),
)
_MADE_UP = "Prices, flows and volatility are made up, with a known signal planted to test the method."
_CAVEATS = (
    "Flows of funds are the change of shares outstanding at their price, known a session late; funds without a "
    "published share count have none.",
    "Issuance of coins is not a flow of investors and is no feature.",
    "AUC 0.5 and Brier skill 0 are what chance and each asset's base rate reach. Intervals are 95%, by block bootstrap "
    "over dates.",
    "Prices leave dividends out; costs and taxes are not counted. The past of these assets is no sample of others.",
    "Not investment advice.",
)
_STYLE = """
@page { size: A4 portrait; margin: 11mm 13mm; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 184mm; padding: 4mm 0; color: #1f2430; background: #fff;
  font: 8.6pt/1.32 "Marketflows Sans", "Liberation Sans", Arial, Helvetica, sans-serif; }
h1 { margin: 0; font-size: 15pt; line-height: 1.15; }
h2 { margin: 3mm 0 1mm; font-size: 9.6pt; }
p { margin: 0 0 1mm; }
.quiet { color: #5f6672; }
.verdict { margin: 2.2mm 0 1mm; padding: 2mm 3mm; border-left: 1.2mm solid #0072b2; background: #f3f6fa;
  font-size: 10pt; }
.verdict p + p { margin-top: 1mm; font-size: 8.8pt; }
.synthetic { border-color: #a84506; background: #fbf1e8; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .8mm 1.2mm; border-bottom: .2mm solid #d9dce2; text-align: right; vertical-align: top; }
th { color: #5f6672; font-weight: normal; }
td span { display: block; color: #5f6672; font-size: 7.2pt; }
th:first-child, td:first-child { text-align: left; }
tr.model td { font-weight: bold; }
tr.model td span { font-weight: normal; }
dl { display: grid; grid-template-columns: 31mm 1fr; gap: .5mm 3mm; margin: 0; }
dt { color: #5f6672; }
dd { margin: 0; overflow-wrap: anywhere; }
ul { margin: 0; padding-left: 4mm; }
img { display: block; width: 100%; margin: 1.5mm auto 0; object-fit: contain; }
/* On paper the chart takes what is left of the page, so that there is only one. */
@media print {
  body { display: flex; flex-direction: column; height: 274mm; padding: 0; overflow: hidden; }
  body > * { flex: none; }
  body > img { flex: 1 1 0; min-height: 0; }
}
"""


def model_card_html(metadata: Mapping[str, Any], evaluation: pl.DataFrame, chart_png: bytes) -> str:
    """One page about one model, as a whole HTML document.

    All text is escaped, the chart is inside, and nothing is loaded from anywhere. Printed, it is one A4 page. The
    card as PNG is the chart itself, ``CrossAsset_model_{horizon}_{target}.png``.

    Args:
        metadata: what the model was made of and from, as stored beside it: model_id, target, horizon, kind, seed,
            trained_at, first_session, last_session, rows, test_rows, symbols, features, features_version,
            features_sha256, versions, walk_forward, configurations_tried. With
            ``planted_auc``, where data are made up, the planted AUC stands beside the found one.
        evaluation: rows of ``mart.model_evaluation``; those of other models are passed over.
        chart_png: the chart of `model_quality.model_chart`.

    Raises:
        ValueError: the evaluation has no row of this model.
    """
    model_id, kind = str(metadata["model_id"]), str(metadata["kind"])
    own = evaluation.filter(pl.col("model_id") == model_id)
    if own.is_empty():
        raise ValueError(f"the evaluation has no figure of model {model_id}")
    horizon, target = int(metadata["horizon"]), str(metadata["target"])
    title = f"Model card: {TARGET_NAMES[target]}, {counted(horizon, 'session')} ahead"
    chart = base64.b64encode(chart_png).decode("ascii")
    trained = moment(metadata["trained_at"])
    headline = f"{KIND_NAMES.get(kind, kind).capitalize()}, trained {trained}, id {model_id}"
    # The chart in words, for who cannot see it.
    alternative = f"Reliability curve and AUC of each asset with intervals. {verdict(own, target)}."
    definitions = "\n".join(f"<dt>{_html(term)}</dt><dd>{_html(text)}</dd>" for term, text in _facts(metadata))
    made_up = is_synthetic(own) or bool(metadata.get("is_synthetic"))
    caveats = "\n".join(f"<li>{_html(text)}</li>" for text in ((_MADE_UP,) if made_up else ()) + _CAVEATS)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_html(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{_html(title)}</h1>
<p class="quiet">{_html(headline)}</p>
<div class="verdict{" synthetic" if made_up else ""}">
{_verdict_lines(metadata, own, made_up)}
</div>
<h2>What and from what</h2>
<dl>
{definitions}
</dl>
<h2>Against the baselines, out of sample</h2>
{_table(own)}
<img src="data:image/png;base64,{chart}" alt="{_html(alternative)}">
<h2>Caveats</h2>
<ul>
{caveats}
</ul>
</body>
</html>
"""


def _verdict_lines(metadata: Mapping[str, Any], own: pl.DataFrame, made_up: bool) -> str:
    target = str(metadata["target"])
    lines = [f"<strong>{_html(verdict(own, target))}.</strong>", f"{_html(ablation_text(own, target))}."]
    lines += [_html(text) for text in (suspicion_text(own), placebo_text(own, target)) if text is not None]
    if made_up:
        lines.insert(0, "<strong>Synthetic data: nothing here is about real markets.</strong>")
        planted = metadata.get("planted_auc")
        metric, scope = HEADLINES[target]
        found = figure(own, metric, scope)
        if planted is not None and found is not None:
            figures = f"planted {value_text(float(planted), 3, signed=False)}, found {found.text()}"
            lines.append(_html(f"AUC {figures} ({HEADLINE_NAMES[target]})."))
    return "\n".join(f"<p>{line}</p>" for line in lines)


def _facts(metadata: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What stands in the list of facts: term and text."""
    symbols, features = list(metadata["symbols"]), list(metadata["features"])
    first, last = (day_text(metadata[key]) for key in ("first_session", "last_session"))
    walk: Mapping[str, int] = metadata["walk_forward"]
    tried = int(metadata["configurations_tried"])
    libraries = ", ".join(f"{name} {version}" for name, version in metadata["versions"].items())
    return [
        (
            "Data",
            f"{first} to {last}, {metadata['rows']:,} labelled rows of {len(symbols)} assets: {', '.join(symbols)}",
        ),
        ("Features", f"{len(features)}, version {metadata['features_version']}: {', '.join(features)}"),
        (
            "Evaluation",
            f"purged, expanding walk-forward by date: {metadata['test_rows']:,} rows tested, at least "
            f"{walk['min_train']:,} sessions of training, fitted anew every {walk['refit_every']}, "
            f"{walk['horizon']} purged and {walk['embargo']} more left out before each test, intervals from "
            f"{walk['resamples']} resamples",
        ),
        (
            "Tried",
            f"{counted(tried, 'configuration')} on this data; the best of many looks better than it is",
        ),
        ("Reproduce", f"seed {metadata['seed']}, data {str(metadata['features_sha256'])[:16]}, {libraries}"),
    ]


def _table(own: pl.DataFrame) -> str:
    axis_title = "".join(f"<th>{_html(name)}</th>" for name, *_ in _COLUMNS)
    present = set(own.get_column("variant"))
    rows = []
    for variant, name in VARIANT_NAMES.items():
        if variant in present:
            mark = ' class="model"' if variant == WITH_FLOWS else ""
            cells = "".join(f"<td>{_cell(own, variant, column)}</td>" for column in _COLUMNS)
            rows.append(f"<tr{mark}><td>{_html(name)}</td>{cells}</tr>")
    body = "\n".join(rows)
    return f"<table>\n<thead><tr><th>Forecast</th>{axis_title}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def _cell(own: pl.DataFrame, variant: str, column: tuple[str, str, str, int, bool]) -> str:
    """A figure with its interval below it; a dash where there is none, never a zero."""
    _, metric, scope, decimals, signed = column
    found = figure(own, metric, scope, variant)
    if found is None:
        return UNKNOWN
    text, _, interval = found.text(decimals=decimals, signed=signed).partition(" ")
    return f"{_html(text)}<span>{_html(interval)}</span>" if interval else _html(text)


def _html(text: str) -> str:
    """A text as HTML that shows just that text."""
    return escape(visible(text))
