"""What `plan` says of a first run is what that run then spends, call by call, as the warehouse has counted it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from marketflows_pipeline.cli import marketflows
from marketflows_pipeline.ingest.outlook import Sizes, outlook
from marketflows_pipeline.jobs import crypto_refresh
from marketflows_pipeline.settings import load_config
from marketflows_pipeline_tests.pipeline.environment import Environment, open_environment_with_exchanges

pytestmark = pytest.mark.slow

# The package has the command under the name of its module.
COMMAND = import_module("marketflows_pipeline.cli.plan")
SENT = "select provider, endpoint, count(*) as n from meta.api_calls group by all"


def sent(env: Environment) -> Counter[tuple[str, str]]:
    return Counter({(row[0], row[1]): row[2] for row in env.stored(SENT).iter_rows()})


def expected(families: Sequence[Mapping[str, Any]], name: str = "next_run") -> Counter[tuple[str, str]]:
    counted: Counter[tuple[str, str]] = Counter()
    for family in families:
        counted[family["provider"], family["endpoint"]] += family[name]
    return +counted


def planned(env: Environment, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(COMMAND, "SystemClock", lambda: env.clock)
    config = env._written_settings()
    files = ["--config", str(config), "--secrets", str(env.folder / "secrets.toml")]
    result = CliRunner().invoke(marketflows, [*files, "plan", "--format", "json"])
    assert result.exit_code == 0, result.output + repr(result.exception)
    return json.loads(result.stdout)


def test_where_nothing_is_unknown_the_plan_is_exact(env: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    env.configure(flow_types=["individual_assets"])
    plan = planned(env, monkeypatch)
    assert plan["assumptions"] == []

    assert env.run(), env.failure.lines

    assert sent(env) == expected(plan["families"])
    assert sent(env).total() == plan["credits"]["next_run"]


def test_with_the_sizes_of_the_service_it_is_exact_too(env: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    assert env.run(), env.failure.lines
    counts = env.stored(
        "select (select count(distinct coin_id) from raw.market_caps) as tracked,"
        " (select count(*) from raw.cohort_members) as cohort"
    ).row(0)
    # Every coin of the fake is on its one page.
    sizes = Sizes(counts[0], counts[1], n_without_history=counts[0], n_requests_by_id=0)

    found = outlook(load_config(env.folder / "config.toml"), sizes, spent=0, now=env.clock.now())

    assert found.first_run == sent(env).total()
    families = [{"provider": each.provider, "endpoint": each.endpoint, "n": each.next_run} for each in found.families]
    assert expected(families, "n") == sent(env)
    # Once it is stored nothing of it is requested again, and the next hour is what was said of an hour.
    before, plan = sent(env), planned(env, monkeypatch)
    assert next(each["next_run"] for each in plan["families"] if "market_chart" in each["endpoint"]) == 0
    assert env.run(hours_later=1), env.failure.lines
    assert (sent(env) - before).total() == plan["credits"]["hour"] - 1


def test_the_exchange_part_asks_no_more_than_planned(
    tmp_path: Path, few_kinds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_environment_with_exchanges(tmp_path, ["binance", "kraken"]) as env:
        plan = planned(env, monkeypatch)
        assert env.run(job_name=crypto_refresh.name), env.failure.lines
        asked, most = sent(env), expected(plan["families"])
        listed = env.stored("select rows_served from meta.fetches where dataset = 'listing'").item()
        again = planned(env, monkeypatch)

    # How many exchanges there are is assumed before the first list, and known after it.
    assert (
        asked["coingecko", "/exchanges"]
        == 1 + listed // 250 + 1
        == expected(again["families"])["coingecko", "/exchanges"]
    )
    assert asked["coingecko", "/exchanges/{id}"] == few_kinds
    assert {key for key, count in asked.items() if count > most[key]} == set()
    for key in (("defillama", "/cexs"), ("defillama", "/protocols"), ("defillama", "/protocol/{slug}"),
                ("coingecko", "/exchanges/{id}/volume_chart"), ("coingecko", "/search/trending")):  # fmt: skip
        assert asked[key] == most[key], key
