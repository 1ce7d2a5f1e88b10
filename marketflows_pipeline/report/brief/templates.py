"""What the brief says of each kind of event: the sentence, what it is not, and where the page tells more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Template:
    """How one kind of event is told.

    ``{label}`` is the subject, ``{day}`` what it is about, ``{value}`` and ``{reference}`` its figures in their unit,
    ``{was}`` and ``{became}`` its states. No number stands in a sentence but as one of these.

    Attributes:
        told: sentences up to their comparison, without their end: the first of which all is known is told.
        caveat: what the sentence is not.
        href: anchor of the page's card.
        compared: what follows where all of it is known.
        is_change: whether the figures are changes, shown with their signs; elsewhere a minus alone is.
        is_level_before: whether the reference is none even so, but the level before the change.
    """

    told: tuple[str, ...]
    caveat: str
    href: str
    compared: str = ", against a mean of {reference} before"
    is_change: bool = False
    is_level_before: bool = False


_PRICE = "Price of what it holds, not inflow."
_REPORTED = "Volume as exchanges report it, bought and sold alike: not inflow."
_DATA = "About this data, not about a market."

# Anchors stand here and nowhere else; the page's cards have these keys.
TEMPLATES: Mapping[str, Template] = {
    "index_move": Template(
        ("{label}: index {value} in the day to {day}",), _PRICE, "#narratives-index", is_change=True
    ),
    "leadership_change": Template(
        ("{became} leads the narratives with {value} in the week to {day}",),
        "Ahead by price, not by inflow.",
        "#narratives-index",
        compared=", before it {was}, now with {reference}",
        is_change=True,
    ),
    "quadrant_change": Template(
        ("{label} went from {was} to {became} in the rotation of {day}",),
        "Relative strength of prices, not inflow, and no forecast.",
        "#narratives-rotation-bitcoin",
        compared="",
    ),
    "breadth_thrust": Template(
        ("{label}: share of coins above their twenty-day average {value} in the five days to {day}",),
        "Coins are counted, each as one: not money.",
        "#breadth-averages",
        is_change=True,
    ),
    "range_migration": Template(
        ("Range {label}: {value} of its market cap by coins that crossed its limits in the day to {day}",),
        "Coins that grew or shrank across a limit: no money moved from range to range.",
        "#ranges-migration",
        is_change=True,
    ),
    "large_supply_step": Template(
        ("{label}: {value} of market cap by a step of its supply in the day to {day} ({became})",),
        "An unlock, a burn or a restated supply: not a purchase.",
        "#narratives-attribution",
        compared=", with {reference} before it",
        is_change=True,
        is_level_before=True,
    ),
    "dominance_change": Template(
        ("{label}: share of all market cap followed here {value} in the day to {day}",),
        "Market cap, mostly price: not inflow.",
        "#dominance",
        is_change=True,
    ),
    "member_change": Template(
        (
            "{label}: {became} joined and {was} left its index on {day}",
            "{label}: {became} joined its index on {day}",
            "{label}: {was} left its index on {day}",
        ),
        "Who is counted, not what it is worth; the index is chained over it.",
        "#narratives-index",
        compared="",
    ),
    "new_narrative": Template(
        ("{label} is new in the radar of {day}: {became}, {value}", "{label} is new in the radar of {day}: {became}"),
        "Newly listed by the service, maybe long there by another name: not inflow.",
        "#brief",
        compared="",
    ),
    "coverage_lost": Template(
        ("{label}: prices are known for {value} of its index on {day}",),
        _DATA,
        "#quality-index-coverage",
        compared=", after {reference}",
    ),
    "rank_change": Template(
        ("{label} went from {was} to {became} by market cap of the coins followed here in the day to {day}",),
        "Market cap, mostly price: not inflow.",
        "#market-map",
        compared="",
    ),
    "netflow_outlier": Template(
        ("{label}: net flow {value} in the day to {day}",),
        "Reported wallets only; a wallet that is newly labelled, or no longer, is no deposit or withdrawal.",
        "#exchanges-netflow",
        is_change=True,
    ),
    "volume_spike": Template(
        ("{label}: daily volume {value} against the week before, on {day}",),
        _REPORTED,
        "#exchanges-league",
        is_change=True,
    ),
    "concentration_change": Template(
        ("Concentration (HHI) of {label}: {value} in the day to {day}",),
        "Shares of exchanges followed all along: no flow from one to another.",
        "#exchanges-concentration",
        is_change=True,
    ),
    "exchange_rank_change": Template(
        ("{became} leads {label} with {value} on {day}",),
        "Shares among exchanges followed all along, as reported: no flow from one to another.",
        "#exchanges-league",
        compared=", before it {was}, now with {reference}",
    ),
    "flow_shock": Template(
        ("{label}: creations less redemptions {value} in the session of {day}",),
        "Creations, not spot buying; one fund, not the index it follows.",
        "#cross-asset-flows",
        is_change=True,
    ),
    "class_flow_shock": Template(
        ("{label}: creations less redemptions {value} in the session of {day}",),
        "Creations, not spot buying; of the funds followed here, not of all.",
        "#cross-asset-flows",
        is_change=True,
    ),
    "volatility_shock": Template(
        ("{label}: logarithmic change {value} in the session of {day}",),
        "How far prices are expected to move, not which way.",
        "#cross-asset-regimes",
        is_change=True,
    ),
    "regime_change": Template(
        (
            "{label} went from {was} to {became} in the session of {day}, at {value}",
            "{label} went from {was} to {became} in the session of {day}",
        ),
        "Describes prices of the past, and forecasts nothing.",
        "#cross-asset-regimes",
        compared=", after {reference}",
    ),
    "share_step": Template(
        ("{label}: {became} of {value} in the session of {day}", "{label}: {became} in the session of {day}"),
        "Creations or a restated count of shares, not spot buying; one fund, not the index it follows.",
        "#cross-asset-flows",
        compared=", with {reference} of market cap before it",
        is_change=True,
        is_level_before=True,
    ),
    "failed_check": Template(
        ("{label} fails since the run of {day}, with {value}", "{label} fails since the run of {day}"),
        _DATA,
        "#quality-checks",
        compared=", after {reference}",
    ),
    "provider_difference": Template(
        ("{label}: market cap is {became}, {value} against that of the first provider, in the check of {day}",),
        "Providers count supplies by their own rules: no move of a market.",
        "#quality-providers",
        compared=", after {reference}",
        is_change=True,
        is_level_before=True,
    ),
    "staleness": Template(("{label}: {became}, as of {day}",), _DATA, "#quality-freshness", compared=""),
}

# Of funds and coins side by side there is another rotation than of narratives.
HREF_OF_PART: Mapping[tuple[str, str], str] = {("quadrant_change", "cross_asset"): "#cross-asset-rotation"}
UNKNOWN_CAVEAT = "A kind of event that this version has no words for: see its query."
UNKNOWN_HREF = "#brief"
