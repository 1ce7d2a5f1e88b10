"""An event in words: the sentence, how unusual it is, and the figures that both show."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC
from string import Formatter
from typing import Any

from marketflows_pipeline.charts.style.wording import counted, figure_text, utc_day, value_text
from marketflows_pipeline.report.brief.shown import state_text
from marketflows_pipeline.report.brief.statement import Figure, Statement
from marketflows_pipeline.report.brief.templates import HREF_OF_PART, TEMPLATES, UNKNOWN_CAVEAT, UNKNOWN_HREF, Template
from marketflows_pipeline.system.printable import presentable_name
from marketflows_pipeline.warehouse import ddl

Event = Mapping[str, Any]

# What the evidence of an event gives, and what its row alone holds.
_OF_EVIDENCE = ("was", "became", "value", "reference", "z", "percentile")
_OF_EVENT = ("n_past", "frequency_pct", "coverage_pct")


def statement_of(event: Event) -> Statement:
    """The sentence of one row of ``mart.events``; a kind or a figure that is not known is told in plainer words."""
    known = _known(event)
    template, told = _template(event["kind"], known)
    pieces = [told]
    if _placeholders(template.compared) <= known.keys():
        pieces.append(template.compared)
    words = _words(event, known, template)
    how, named = _how_unusual(known)
    shown = named.union(*map(_placeholders, pieces))
    figures = {name: known[name] for name in (*_OF_EVIDENCE, *_OF_EVENT) if name in shown & known.keys()}
    return Statement(
        statement_id=event["event_id"],
        part=event["part"],
        kind=event["kind"],
        subject=event["subject"],
        label=presentable_name(event["label"]),
        as_of=event["as_of"].astimezone(UTC),
        text=f"{''.join(pieces).format_map(words)}.",
        how_unusual=how,
        caveat=template.caveat,
        figures=figures,
        evidence=evidence_of(event, figures),
        href=HREF_OF_PART.get((event["kind"], event["part"]), template.href),
        severity=presentable_name(event["severity"]),
        score=event["score"],
    )


def evidence_of(event: Event, figures: Collection[str]) -> str:
    """The select that gives just these figures: from the one of the event, and what only its row holds from there."""
    row = f"from mart.events where event_id = {ddl.literal(event['event_id'])}"
    columns = ", ".join(f"(select {name} {row}) as {name}" if name in _OF_EVENT else name for name in figures)
    sql = event["evidence_sql"].strip().rstrip(";")
    return f"select {columns or '*'}\nfrom (\n{sql}\n) as event"


def _known(event: Event) -> dict[str, Figure]:
    """What the event has: finite numbers, and states that are no blank."""
    return {name: event[name] for name in (*_OF_EVIDENCE, *_OF_EVENT) if _is_known(event[name])}


def _is_known(value: object) -> bool:
    return math.isfinite(value) if isinstance(value, int | float) else bool(value)


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def _words(event: Event, known: Mapping[str, Any], template: Template) -> dict[str, str]:
    words = {"label": presentable_name(event["label"]), "day": utc_day(event["as_of"])}
    words |= {name: state_text(known[name]) for name in ("was", "became") if name in known}
    unit = event["unit"]
    of_reference = template.is_change and not template.is_level_before
    for name, signed in (("value", template.is_change), ("reference", of_reference)):
        if name in known:
            words[name] = figure_text(known[name], unit, signed=signed)
    return words


def _template(kind: str, known: Mapping[str, Any]) -> tuple[Template, str]:
    """The template of a kind and what it tells of what is known; where it has nothing for that, plainer words."""
    own = TEMPLATES.get(kind)
    for told in own.told if own else ():
        if own and _placeholders(told) <= {*known, "label", "day"}:
            return own, told
    told = "{label}: " + presentable_name(kind.replace("_", " ")).replace("{", "{{").replace("}", "}}") + " on {day}"
    if "became" in known:
        told += ", now {became}"
    if "was" in known:
        told += ", before {was}"
    if "value" in known:
        told += ", {value}"
    caveat, href = (own.caveat, own.href) if own else (UNKNOWN_CAVEAT, UNKNOWN_HREF)
    return Template((told,), caveat, href, ", compared with {reference}"), told


def _how_unusual(known: Mapping[str, Any]) -> tuple[str, set[str]]:
    """How unusual an event is, and which figures that shows."""
    parts = list(_comparisons(known))
    return "; ".join(words for words, _ in parts), {name for _, names in parts for name in names}


def _comparisons(known: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    if "z" in known and "n_past" in known:
        past = counted(known["n_past"], "value")
        yield f"z {value_text(known['z'], 1, signed=True)} against the {past} before", ("z", "n_past")
    elif "n_past" in known:
        yield f"{counted(known['n_past'], 'day')} looked at", ("n_past",)
    if "percentile" in known:
        yield f"{_place_among(known['percentile'])} of them", ("percentile",)
    if "frequency_pct" in known:
        yield f"its kind is as unusual on {figure_text(known['frequency_pct'], '%')} of days", ("frequency_pct",)
    if known.get("coverage_pct", 100.0) < 99.95:
        yield f"covers {figure_text(known['coverage_pct'], '%')} of it", ("coverage_pct",)


def _place_among(percentile: float) -> str:
    """A place among past values; the ends in words, since "above 0%" reads like an error."""
    if percentile in (0.0, 100.0):
        return "above all" if percentile else "below all"
    return f"above {figure_text(percentile, '%')}"
