"""What a later answer says of past records of reserves, and what it no longer says of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from marketflows_pipeline.jobs import daily_refresh
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.pipeline.environment import Environment, open_environment_with_exchanges

pytestmark = pytest.mark.slow

PROTOCOL = "/protocol/{slug}"
FIGURES = "select day, reserves_usd, tvl_usd, netflow_mid_usd, left_out_usd from mart.exchange_netflow order by day"


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    """An environment that follows one exchange, after its first daily run."""
    with open_environment_with_exchanges(tmp_path, ["kraken"]) as opened:
        assert opened.run(job_name=daily_refresh.name), opened.failure.lines
        yield opened


def in_each_record(change: Any) -> faults.Fault:
    """The tokens of every record changed, in both arrays."""

    def changed(body: dict[str, Any]) -> dict[str, Any]:
        for record in (*body["tokens"], *body["tokensInUsd"]):
            change(record["tokens"])
        return body

    return faults.in_json(changed)


def test_a_token_under_another_name_in_every_record_is_not_counted_beside_itself(env: Environment) -> None:
    """A new label of bitcoin in all records left the old rows stored: past reserves and net flows held it twice."""
    before = env.stored(FIGURES)
    env.reserves.script(PROTOCOL, in_each_record(lambda tokens: tokens.update({"XBT.N": tokens.pop("BTC")})))  # type: ignore[union-attr]

    assert env.run(job_name=daily_refresh.name, hours_later=24), env.failure.lines

    after = env.stored(FIGURES)
    assert after.head(before.height).equals(before)
    assert after["left_out_usd"][-1] == 0
    assert after["reserves_usd"][-1] == pytest.approx(after["tvl_usd"][-1])
    # What was said first stays, and so does the note of what has changed.
    kept = "select count(*) from raw.cex_token_balances where token = 'BTC' and not is_now and {} is null"
    assert env.stored(kept.format("quantity")).item() > 50
    assert env.stored(kept.format("first_quantity")).item() == 1, "the record of the first run's own day was still open"
    noted = "select sum(n_changes) from meta.revisions where key like 'kraken,%BTC' and new is null"
    assert env.stored(noted).item() > 100
    first = env.stored("select first_netflow_mid_usd from mart.exchange_netflow order by day").to_series()
    assert first.head(before.height - 1).drop_nulls().to_list() == before["netflow_mid_usd"][:-1].drop_nulls().to_list()

    # The service takes it back.
    assert env.run(job_name=daily_refresh.name, hours_later=24), env.failure.lines
    assert env.stored(FIGURES).head(before.height).equals(before)


def test_a_record_that_is_missing_in_a_later_answer_stays(env: Environment) -> None:
    """A shorter history takes nothing away."""
    env.computes = "nothing"
    rows = "select * exclude (fetched_at) from raw.cex_token_balances where not is_now and first_seen_at is not null"
    before = env.stored(f"{rows} order by ts, token")
    shorter = faults.in_json(
        lambda body: body | {"tokens": body["tokens"][-9:], "tokensInUsd": body["tokensInUsd"][-9:]}
    )
    env.reserves.script(PROTOCOL, shorter)  # type: ignore[union-attr]

    assert env.run(job_name=daily_refresh.name, hours_later=24), env.failure.lines

    assert env.stored(f"{rows} order by ts, token").head(before.height).equals(before)


def test_a_malformed_figure_takes_no_stored_one_away(env: Environment) -> None:
    """Text for one quantity of a past record made the stored one null until the next day's answer."""
    env.computes = "nothing"
    figures = "select ts, token, quantity, value_usd from raw.cex_token_balances where first_seen_at is not null"
    before = env.stored(f"{figures} order by ts, token")

    def spoilt(body: dict[str, Any]) -> dict[str, Any]:
        body["tokens"][5]["tokens"]["BTC"] = "much"
        body["tokensInUsd"][5]["tokens"]["ETH"] = {}
        body["tokens"][7]["date"] = "today"
        return body

    env.reserves.script(PROTOCOL, faults.in_json(spoilt))  # type: ignore[union-attr]
    assert env.run(job_name=daily_refresh.name, hours_later=24), env.failure.lines

    assert env.stored(f"{figures} order by ts, token").head(before.height).equals(before)
    noted = env.stored("select note from meta.fetches where dataset = 'protocol' order by attempted_at desc limit 1")
    assert noted.item() == "3 rows left out as malformed"
