"""What the brief says of each kind of event: the sentence, what it is not, and where the page tells more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Template:
    """How one kind of event is told.

    ``{label}`` is the subject, ``{day}`` what it is about, ``{value}`` and ``{reference}`` its figures in their unit,
    ``{was}`` and ``{became}`` its states.

    Attributes:
        told: the sentence up to its comparison, without its end.
        compared: what follows where there is a reference.
        caveat: what the sentence is not.
        href: anchor of the page's card.
        is_change: whether the figures are changes, shown with their signs; elsewhere a minus alone is.
        is_level_before: whether the reference is none even so, but the level before the change.
    """

    told: str
    compared: str
    caveat: str
    href: str
    is_change: bool = False
    is_level_before: bool = False


_PRICE = "Price of what it holds, not inflow."
_CAP = "Market cap, mostly price: not inflow."
_REPORTED = "Volume as exchanges report it, bought and sold alike: not inflow."
_WALLETS = "Reported wallets only; a wallet newly labelled, or no longer, is no deposit or withdrawal."
_DATA = "About this data, not about a market."

# Anchors stand here and nowhere else; the page's cards have these keys.
TEMPLATES: Mapping[str, Template] = {
    "index_move": Template(
        "{label}: index {value} in the day to {day}",
        ", against a daily {reference} before",
        _PRICE,
        "#narratives-index",
        is_change=True,
    ),
    "leadership_change": Template(
        "{became} leads the narratives with {value} in the week to {day}",
        ", where {was}, which led before, made {reference}",
        "Ahead by price, not by inflow.",
        "#narratives-index",
        is_change=True,
    ),
    "quadrant_change": Template(
        "{label} went from {was} to {became} in the rotation of {day}",
        "",
        "Relative strength of prices, not inflow and no forecast.",
        "#rotation",
    ),
    "breadth_thrust": Template(
        "{label}: coins above their twenty-day average {value} in five days to {day}",
        ", against a mean of {reference} before",
        "Coins are counted, each as one: not money.",
        "#breadth",
        is_change=True,
    ),
    "range_migration": Template(
        "{label}: {value} of its market cap by coins that crossed its limits in the day to {day}",
        ", against a daily {reference} before",
        "Coins that grew or shrank across a limit: no money moved from range to range.",
        "#range-migration",
        is_change=True,
    ),
    "large_supply_step": Template(
        "{label}: {value} of market cap by a step of its supply in the day to {day} ({became})",
        ", with {reference} before it",
        "An unlock, a burn or a restated supply: not a purchase.",
        "#attribution",
        is_change=True,
        is_level_before=True,
    ),
    "dominance_change": Template(
        "{label}: share of the cohort's market cap {value} in the day to {day}",
        ", against a daily {reference} before",
        _CAP,
        "#ranges-dominance",
        is_change=True,
    ),
    "member_change": Template(
        "{label}: members changed on {day}, {became} now and {was} before",
        "",
        "Who is counted, not what it is worth; the index is chained over it.",
        "#narratives-index",
    ),
    "new_narrative": Template(
        "{label} is new in the radar on {day}",
        "",
        "A category of the service with a strong move: not inflow, and maybe an old group by a new name.",
        "#radar",
    ),
    "coverage_lost": Template(
        "{label}: coverage is {value} on {day}",
        ", on average {reference} before",
        _DATA,
        "#quality-coverage",
    ),
    "rank_change": Template(
        "{label} ranks {became} on {day}, before it {was}",
        "",
        _CAP,
        "#narratives-index",
    ),
    "netflow_outlier": Template(
        "{label}: net flow {value} in the day to {day}",
        ", on average {reference} before",
        _WALLETS,
        "#exchanges-netflow",
        is_change=True,
    ),
    "volume_spike": Template(
        "{label}: volume of 24 hours {value} on {day}",
        ", on average {reference} before",
        _REPORTED,
        "#exchanges-league",
    ),
    "concentration_change": Template(
        "{label}: concentration {value} on {day}",
        ", on average {reference} before",
        "Shares of reported volume or reserves: no flow from one to another.",
        "#exchanges-concentration",
        is_change=True,
    ),
    "exchange_rank_change": Template(
        "{label} ranks {became} among exchanges on {day}, before it {was}",
        "",
        _REPORTED,
        "#exchanges-league",
    ),
    "flow_shock": Template(
        "{label}: {value} created less redeemed on {day}",
        ", on average {reference} before",
        "Creations and redemptions of shares, not spot buying.",
        "#cross-asset-flows",
        is_change=True,
    ),
    "regime_change": Template(
        "{label}: regime went from {was} to {became} in the session of {day}",
        "",
        "Describes prices of the past, and forecasts nothing.",
        "#cross-asset-regimes",
    ),
    "share_step": Template(
        "{label}: shares outstanding {value} on {day}",
        ", on average {reference} before",
        "One fund, not the index it follows; maybe a split that nobody lists.",
        "#cross-asset-flows",
        is_change=True,
    ),
    "volatility_shock": Template(
        "{label}: volatility is {value} on {day}",
        ", on average {reference} before",
        "How much prices move, not which way.",
        "#cross-asset-regimes",
    ),
    "failed_check": Template(
        "{label}: a check fails since {day}, with {value} in question",
        ", {reference} before",
        _DATA,
        "#quality-checks",
    ),
    "staleness": Template(
        "{label}: figures are {value} old on {day}",
        ", and should be no older than {reference}",
        _DATA,
        "#quality-freshness",
    ),
}

UNKNOWN_CAVEAT = "A kind of event that this version has no words for: see its query."
UNKNOWN_HREF = "#brief"
