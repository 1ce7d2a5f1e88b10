"""How old the tables of each part are, and from when on each is stale."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from marketflows_pipeline.report.ages import part_ages, table_ages

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class _Made:
    """A published file of these times, and of these newest sessions."""

    times: dict[str, datetime]
    sessions: dict[str, date] = field(default_factory=dict)
    now: datetime = NOW
    provider: str = "coingecko"
    caps_at: tuple[datetime, ...] = ()

    def has(self, table: str) -> bool:
        return table in self.times or table in self.sessions

    def as_of(self, table: str) -> datetime | None:
        return self.times.get(table)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        if "distinct ts" in sql:
            return [{"ts": moment} for moment in sorted(set(self.caps_at), reverse=True)][:11]
        table = sql.rpartition(" ")[2].replace("accepted.", "raw.")
        return [{"session": self.sessions[table]}]


def published(times: dict[str, datetime], sessions: dict[str, date] | None = None, **more: Any) -> Any:
    """What ages ask of a published file."""
    return _Made(times, sessions or {}, **more)


EXCHANGES = published(
    {
        "raw.exchanges": NOW - HOUR / 4,
        "raw.cex_snapshots": NOW - HOUR,
        "mart.exchange_flows": NOW - HOUR / 2,
        "mart.exchange_netflow": NOW - 60 * HOUR,
    }
)
FUNDS = published(
    {"raw.daily_bars": datetime(2026, 11, 19, 22, 30, tzinfo=UTC)},
    {"raw.daily_bars": date(2026, 11, 19), "raw.shares_outstanding": date(2026, 11, 16)},
)


def test_a_part_is_stale_where_any_of_its_tables_is() -> None:
    assert not part_ages(EXCHANGES)["exchanges"].is_stale

    later = replace(EXCHANGES, now=NOW + HOUR + TICK)
    found = part_ages(later)["exchanges"]
    assert found.is_stale
    assert found.as_of == NOW - HOUR / 2, "the part's own moment stays"
    assert [age.table for age in found.tables if age.is_stale] == ["raw.cex_snapshots"]
    assert found.tables == table_ages(later, "exchanges")


def test_a_table_is_stale_right_after_the_moment_that_is_told() -> None:
    for age in (*table_ages(EXCHANGES, "exchanges"), *table_ages(FUNDS, "cross_asset")):
        assert age.stale_at is not None
        part = "exchanges" if "exchange" in age.table or "cex" in age.table else "cross_asset"
        made = EXCHANGES if part == "exchanges" else FUNDS
        for now, is_stale in ((age.stale_at, False), (age.stale_at + TICK, True)):
            (found,) = [each for each in table_ages(replace(made, now=now), part) if each.table == age.table]
            assert found.is_stale is is_stale


def test_sessions_end_with_a_day_and_fetches_do_not_age_on_weekends() -> None:
    assert {age.table: age.stale_at for age in table_ages(FUNDS, "cross_asset")} == {
        "raw.daily_bars": datetime(2026, 11, 23, 0, 30, tzinfo=UTC),
        "raw.shares_outstanding": datetime(2026, 11, 24, tzinfo=UTC) - TICK,
    }


@pytest.mark.parametrize("made", [published({}), published({"core.coins": NOW})])
def test_what_was_never_published_is_not_stale(made: Any) -> None:
    assert not any(age.is_stale or age.as_of for age in part_ages(made).values())


def test_the_table_that_is_always_due_is_missed_where_others_are_there() -> None:
    found = part_ages(published({"core.daily_closes": NOW - HOUR}))["market_caps"]
    assert found.is_stale
    assert [(age.table, age.stale_at is None) for age in found.tables] == [
        ("raw.market_caps", True),
        ("core.daily_closes", False),
    ]


def own_files(*steps_h: float, provider: str = "folder") -> Any:
    """Own market caps, the newest at the last midnight, with so many hours between one moment and the one before."""
    midnight = NOW.replace(hour=0)
    moments = [midnight - timedelta(hours=sum(steps_h[:place])) for place in range(len(steps_h) + 1)]
    times = {"raw.market_caps": midnight, "core.daily_closes": midnight}
    return published(times, provider=provider, caps_at=tuple(moments))


@pytest.mark.parametrize(
    ("steps_h", "of_caps_h", "of_closes_h"),
    [
        ([24] * 9, 48, 48),
        ([24, 24, 96, 24, 24], 48, 48),
        ([168] * 4, 336, 336),
        ([1] * 12, 2, 26),
        ([0.25] * 12, 2, 26),
        ([], 2, 26),
    ],
)
def test_own_files_are_stale_by_their_own_rhythm(steps_h: list[float], of_caps_h: int, of_closes_h: int) -> None:
    """Files with a row a day were called stale two hours after each midnight."""
    caps, closes = table_ages(own_files(*steps_h), "market_caps")

    midnight = NOW.replace(hour=0)
    assert (caps.stale_at, closes.stale_at) == (midnight + of_caps_h * HOUR, midnight + of_closes_h * HOUR)


def test_a_service_that_stopped_is_no_slower_source() -> None:
    (caps, _) = table_ages(own_files(*[24] * 9, provider="coinpaprika"), "market_caps")
    assert caps.is_stale
