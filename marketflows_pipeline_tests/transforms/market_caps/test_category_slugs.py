"""A category of the settings is found under whatever slug the service has for it today."""

from __future__ import annotations

import pytest

from marketflows_pipeline.transforms.market_caps.category_slugs import todays_slug

LISTED = {
    "artificial-intelligence": "Artificial Intelligence (AI)",
    "ai-agents": "AI Agents",
    "decentralized-finance-defi": "Decentralized Finance (DeFi)",
    "layer-1": "Layer 1 (L1)",
    "made-in-usa": "Made in USA",
    "polkadot-ecosystem": "Polkadot Ecosystem",
    "polkadot--ecosystem": "Polkadot Ecosystem",
    "depin": "DePIN",
    "meme-token": "Meme",
}


@pytest.mark.parametrize(("written", "meant"), [
    ("layer-1", "layer-1"),
    ("ai", "artificial-intelligence"),
    ("AI", "artificial-intelligence"),
    ("defi", "decentralized-finance-defi"),
    ("l1", "layer-1"),
    ("layer1", "layer-1"),
    ("Made in USA", "made-in-usa"),
    ("made_in_usa", "made-in-usa"),
    ("meme", "meme-token"),
    ("memes", "meme-token"),
])  # fmt: skip
def test_a_short_name_or_another_spelling_is_the_listed_slug(written: str, meant: str) -> None:
    """`ai`, as the first configuration had it, is no slug of today."""
    assert todays_slug(written, LISTED) == meant


@pytest.mark.parametrize("written", ["made-in-eu", "rwa", "agents", "polkadotecosystem", "intelligence"])
def test_nothing_is_guessed(written: str) -> None:
    assert todays_slug(written, LISTED) is None


def test_a_former_slug_is_that_of_the_category_which_has_its_name_today() -> None:
    former = {"depin-old": "DePIN", "gone": "Gone", "twice": "Polkadot Ecosystem"}
    assert todays_slug("depin-old", LISTED, former) == "depin"
    assert todays_slug("gone", LISTED, former) is None
    assert todays_slug("twice", LISTED, former) is None


def test_an_alias_whose_category_is_not_listed_means_nothing() -> None:
    assert todays_slug("ai", {"layer-1": "Layer 1 (L1)"}) is None


def test_signs_alone_mean_nothing() -> None:
    """Once letters and digits are all that counts, `--` is like a category whose name is a picture."""
    assert todays_slug("--", {"robots": "\N{ROBOT FACE}"}) is None
    assert todays_slug("\N{DOG FACE}", {"robots": "\N{ROBOT FACE}"}) is None
