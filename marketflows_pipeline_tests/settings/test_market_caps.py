"""A second market-cap provider has the same keys, its own plans, and its own name in messages."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from marketflows_pipeline.settings.market_caps import MarketCapSource, PlanLimits

FREE = SimpleNamespace(base_url="https://free.example", calls_per_minute=10, monthly_credits=20_000)
PAID = SimpleNamespace(base_url="https://paid.example", calls_per_minute=600, monthly_credits=250_000)


class Second(MarketCapSource):
    table: ClassVar[str] = "providers.second"
    service: ClassVar[str] = "Second"
    plans: ClassVar[Mapping[str, PlanLimits]] = {"free": FREE, "paid": PAID}

    plan: str = "free"


def test_limits_and_address_are_those_of_the_plan_where_the_file_does_not_set_them() -> None:
    def limits(**keys: Any) -> tuple[str, int, int]:
        source = Second.model_validate(keys)
        return source.base_url, source.calls_per_minute, source.monthly_credits

    assert limits() == ("https://free.example", 10, 20_000)
    assert limits(plan="paid", monthly_credits=5) == ("https://paid.example", 600, 5)


def test_messages_name_the_table_and_the_service(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert Second.model_validate({"days": 400}).days == 365
    assert caplog.messages == ["providers.second.days = 400 is outside 1 to 365; using 365"]
    with pytest.raises(ValidationError, match="at least one Second category slug"):
        Second.model_validate({"narratives": []})
