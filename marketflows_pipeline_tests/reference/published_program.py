"""Run the published package and write down its numbers. Runs in its environment, so it imports nothing of ours.

``answers <url> <now> <config.json> <out.npz>``: its own provider asks the service at ``url``, at that moment.
``timing <observations.npz> <config.json> <repeats>``: its analysis alone, timed; prints seconds.
``command <url>``: its command in the working directory, asking the service at ``url``; prints the seconds of its work.
"""

# mypy: ignore-errors
# Type checkers see our environment, which has neither pandas nor the package.

import json
import sys
import time
from datetime import datetime, tzinfo
from pathlib import Path

import numpy as np
import pandas as pd
from marketflows import cli
from marketflows.analysis import aggregates, metrics
from marketflows.config import AnalysisConfig, ProviderConfig
from marketflows.plots import tables
from marketflows.providers import coingecko

ENOUGH_SECONDS = 120


def configured(path: str) -> tuple[ProviderConfig, AnalysisConfig, list[float]]:
    """Its two configurations from a JSON file."""
    options = json.loads(Path(path).read_text(encoding="utf-8"))
    provider = ProviderConfig(provider="coingecko", **options["provider"])
    return provider, AnalysisConfig(provider_config=provider, **options["analysis"]), options.get("hours_ago", [])


def analysed(
    histories: dict[str, pd.DataFrame],
    members: dict[str, set[str]],
    grid: dict[str, object],
    provider: ProviderConfig,
    analysis: AnalysisConfig,
) -> dict[str, pd.DataFrame]:
    """Category to the frame of all its curves, in the order in which its application computes them."""
    master = aggregates.create_master_df(histories, **grid)
    coins = [base for base in provider.base_assets if base != "us-dollar"]
    portfolios = {name: set(coin_ids) for name, coin_ids in provider.asset_groups.items()}
    groups = {
        "Narratives": aggregates.aggregate_groups(group_assets=members, df_master=master),
        "Portfolios": aggregates.aggregate_groups(group_assets=portfolios, df_master=master),
    } | {name: master[list(coin_ids)].copy() for name, coin_ids in provider.asset_groups.items()}
    curves = {
        category: metrics.calculate_group_metrics(
            base_assets=provider.base_assets, df_base=master[coins], df_groups=frame, analysis_config=analysis
        )
        for category, frame in groups.items()
        if not frame.empty
    }
    if not provider.range_lower_limits:
        return curves
    by_coin = aggregates.prepare_cap_ranges(range_lower_limits=provider.range_lower_limits, df_master=master)
    totals = aggregates.aggregate_cap_ranges(df_long=by_coin)
    curves["Ranges"] = metrics.calculate_range_metrics(
        df_master=master, df_ranges=totals, df_long=by_coin, provider_config=provider, analysis_config=analysis
    )
    return curves


def answers(url: str, now: str, config: str, out: str) -> None:
    """Its provider against a service, and all numbers of its analysis."""
    moment = datetime.fromisoformat(now)

    class Standing(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return moment.astimezone(tz)

    coingecko.COINGECKO_BASE_URL = url + "/coins"
    coingecko.datetime = Standing
    provider, analysis, hours_ago = configured(config)
    histories, _, members = coingecko.load_coingecko_data(api_key="CG-demo-key-of-the-tests", provider_config=provider)
    freq, first, last = coingecko.define_frequency_min_and_max_timestamp(provider)
    grid = {"freq": freq, "min_timestamp": first, "max_timestamp": last}
    arrays = {}
    for category, frame in analysed(histories, members, grid, provider, analysis).items():
        times = frame.index.as_unit("us").asi8
        for column in frame.columns:
            if "_by_" in column:
                arrays[f"{category}|{column}"] = frame[column].to_numpy(float)
        for base in provider.base_assets:
            groups = {column.partition("_by_")[0] for column in frame.columns}
            gains = tables._calculate_groups_gains(
                base_asset=base, groups=sorted(groups), df=frame, hours_ago=hours_ago
            )
            for series in gains.columns:
                arrays[f"gains|{category}|{series}|{base}"] = gains[series].to_numpy(float)
    np.savez(out, times=times, **arrays)


def timing(observations: str, config: str, repeats: str) -> None:
    """Seconds of its analysis, by the wall and of the processor; once is enough where that takes minutes."""
    provider, analysis, _ = configured(config)
    stored = np.load(observations, allow_pickle=False)
    bounds = np.append(stored["starts"], len(stored["ts_ms"]))
    histories = {
        str(coin): pd.DataFrame({"timestamps": stored["ts_ms"][a:b], "market_caps": stored["cap"][a:b]})
        for coin, a, b in zip(stored["coins"], bounds[:-1], bounds[1:], strict=True)
    }
    first, last = (pd.Timestamp(int(stored[end]), unit="ms", tz="UTC") for end in ("first_ms", "last_ms"))
    members = {name: set(ids) for name, ids in json.loads(str(stored["members"])).items()}
    grid = {"freq": "h", "min_timestamp": first, "max_timestamp": last}
    seconds, cpu_seconds = [], []
    for _ in range(int(repeats)):
        begun, cpu_begun = time.perf_counter(), time.process_time()
        analysed(histories, members, grid, provider, analysis)
        seconds.append(time.perf_counter() - begun)
        cpu_seconds.append(time.process_time() - cpu_begun)
        if sum(seconds) > ENOUGH_SECONDS:
            break
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds}))  # noqa: T201 - the answer to who started this script


def command(url: str) -> None:
    """Its command, with the address of its service changed and its pipeline timed."""
    coingecko.COINGECKO_BASE_URL = url + "/coins"
    pipeline = cli.run_pipeline

    def timed(**options: object) -> None:
        begun = time.perf_counter()
        pipeline(**options)
        print(json.dumps({"seconds": time.perf_counter() - begun}))  # noqa: T201 - the answer to who started this script

    cli.run_pipeline = timed
    sys.exit(cli.main([]))


{"answers": answers, "timing": timing, "command": command}[sys.argv[1]](*sys.argv[2:])
