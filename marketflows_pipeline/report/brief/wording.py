"""An event in words: the sentence, how unusual it is, and the figures that both show."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from string import Formatter
from typing import Any

from marketflows_pipeline.charts.style.wording import counted, day_text, figure_text, value_text
from marketflows_pipeline.report.brief.statement import Figure, Statement
from marketflows_pipeline.report.brief.templates import TEMPLATES, UNKNOWN_CAVEAT, UNKNOWN_HREF, Template
from marketflows_pipeline.system.printable import presentable_name

Event = Mapping[str, Any]

_NUMBERS = ("value", "reference", "z", "percentile", "n_past", "frequency_pct", "coverage_pct")
_STATES = ("was", "became")


def statement_of(event: Event) -> Statement:
    """The sentence of one row of ``mart.events``; a kind or a figure that is not known is told in plainer words."""
    known = _known(event)
    template = TEMPLATES.get(event["kind"])
    if template is None or not _placeholders(template.told) <= {*known, "label", "day"}:
        template = _plain_template(event["kind"], known)
    words = _words(event, known, template)
    text = template.told.format_map(words)
    shown = _placeholders(template.told)
    compared = _placeholders(template.compared)
    if compared <= words.keys():
        text += template.compared.format_map(words)
        shown |= compared
    how, named = _how_unusual(known)
    figures = {name: known[name] for name in (*_STATES, *_NUMBERS) if name in shown | named and name in known}
    return Statement(
        statement_id=event["event_id"],
        part=event["part"],
        kind=event["kind"],
        subject=event["subject"],
        label=presentable_name(event["label"]),
        as_of=event["as_of"].astimezone(UTC),
        text=f"{text}.",
        how_unusual=how,
        caveat=template.caveat,
        figures=figures,
        evidence=evidence_of(event["evidence_sql"], figures),
        href=template.href,
        severity=event["severity"],
        score=event["score"],
    )


def evidence_of(sql: str, figures: Mapping[str, Figure]) -> str:
    """The select that gives just these figures, from the one of their event."""
    names = ", ".join(figures) or "*"
    return f"select {names} from (\n{sql.strip().rstrip(';')}\n) as event"  # noqa: S608 - both are this program's own


def day_of(as_of: datetime) -> str:
    """The UTC day of a close or record: "4 Mar 2026"."""
    return day_text(as_of.astimezone(UTC).date())


def _known(event: Event) -> dict[str, Figure]:
    """What the event has: finite numbers, and states that are no blank."""
    numbers = {name: event[name] for name in _NUMBERS if event[name] is not None and math.isfinite(event[name])}
    return {**{name: event[name] for name in _STATES if event[name]}, **numbers}


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def _words(event: Event, known: Mapping[str, Any], template: Template) -> dict[str, str]:
    words = {"label": presentable_name(event["label"]), "day": day_of(event["as_of"])}
    words |= {name: presentable_name(known[name]) for name in _STATES if name in known}
    unit = event["unit"]
    of_reference = template.is_change and not template.is_level_before
    for name, signed in (("value", template.is_change), ("reference", of_reference)):
        if name in known:
            words[name] = figure_text(known[name], unit, signed=signed)
    return words


def _plain_template(kind: str, known: Mapping[str, Any]) -> Template:
    """Words for what has none of its own: only what is known of the event."""
    told = "{label}: " + presentable_name(kind.replace("_", " ")).replace("{", "{{").replace("}", "}}") + " on {day}"
    if "became" in known:
        told += ", now {became}"
    if "was" in known:
        told += ", before {was}"
    if "value" in known:
        told += ", {value}"
    known_kind = TEMPLATES.get(kind)
    caveat, href = (known_kind.caveat, known_kind.href) if known_kind else (UNKNOWN_CAVEAT, UNKNOWN_HREF)
    return Template(told, ", compared with {reference}" if "value" in known else "", caveat, href)


def _how_unusual(known: Mapping[str, Any]) -> tuple[str, set[str]]:
    """How unusual an event is, and which figures that shows."""
    parts = list(_comparisons(known))
    return "; ".join(words for words, _ in parts), {name for _, names in parts for name in names}


def _comparisons(known: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    if "z" in known and "n_past" in known:
        past = counted(known["n_past"], "value")
        yield f"z {value_text(known['z'], 1, signed=True)} against the {past} before", ("z", "n_past")
    elif "n_past" in known:
        yield f"own past of {counted(known['n_past'], 'day')}", ("n_past",)
    if "percentile" in known:
        yield f"above {figure_text(known['percentile'], '%')} of them", ("percentile",)
    if "frequency_pct" in known:
        yield f"its kind is as unusual on {figure_text(known['frequency_pct'], '%')} of days", ("frequency_pct",)
    if known.get("coverage_pct", 100.0) < 99.95:
        yield f"covers {figure_text(known['coverage_pct'], '%')} of it", ("coverage_pct",)
