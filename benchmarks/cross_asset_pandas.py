"""The derived cross-asset tables in plain pandas: the reference of `benchmarks.cross_asset`.

Runs by itself, with numpy and pandas alone: ``python cross_asset_pandas.py market.npz repeats`` prints JSON.
"""

# Written as such a script is written, without types.
# ruff: noqa: ANN001, ANN003, ANN201, ANN202

import json
import sys
import time

import numpy as np
import pandas as pd

WINDOWS, ROLLING, CORRELATION = (1, 5, 21, 63), (21, 63, 252), 63
PAIRS = (("F01", "F02"), ("F03", "F04"), ("C00", "F05"))
OUTSIDE = "(outside the universe)"


def read_market(path):
    """The market as long frames: bars, shares, splits, supply, volatility, stablecoins."""
    with np.load(path) as stored:
        given = {name: stored[name] for name in stored.files}
    days, sessions = (given[name].astype("datetime64[D]").astype("datetime64[s]") for name in ("days", "sessions"))

    def long(symbols, dates, **columns):
        frame = {"symbol": np.repeat(symbols, len(dates)), "session": np.tile(dates, len(symbols))}
        return pd.DataFrame({**frame, **{name: given[key].ravel() for name, key in columns.items()}})

    funds, coins = given["funds"], given["coins"]
    prices = ("high_usd", "low_usd", "close_usd", "volume")
    bars = pd.concat(
        [
            long(symbols, dates, **{name: f"{kind}_{name}" for name in prices}).assign(is_coin=kind == "coin")
            for symbols, dates, kind in ((funds, sessions, "fund"), (coins, days, "coin"))
        ]
    )
    return {
        "bars": bars.sort_values(["symbol", "session"], ignore_index=True),
        "shares": long(funds, sessions, shares="shares", nav_usd="navs", net_assets_usd="net_assets"),
        "splits": [("F00", sessions[1800], 10.0)],
        "supply": long(coins, days, supply="supply", price_usd="coin_close_usd"),
        "vix": long(np.array(["VIX", "VIX3M"]), sessions, close="volatility"),
        "stable": long(given["stablecoins"], days, supply="stable_supply"),
    }


def zscore(values):
    past = values.shift().rolling(60, min_periods=20)
    mean, deviation = past.mean(), past.std()
    return ((values - mean) / deviation).where(deviation > 1e-9 * mean.abs())


def fund_flows(bars, shares, splits):
    frame = bars.merge(shares, on=["symbol", "session"], how="left").sort_values(["symbol", "session"])
    factor = pd.Series(1.0, index=frame.index)
    for symbol, session, ratio in splits:
        factor[(frame["symbol"] == symbol) & (frame["session"] < session)] *= ratio
    frame["present"], frame["present_nav"] = frame["shares"] * factor, frame["nav_usd"] / factor
    frame["price_usd"] = frame["nav_usd"].fillna(frame["close_usd"] * factor)
    by_symbol = frame.groupby("symbol")
    q0, nav0, a0, close0 = (
        by_symbol[name].shift() for name in ("present", "present_nav", "net_assets_usd", "close_usd")
    )
    q1, nav1, a1, close1 = (frame[name] for name in ("present", "present_nav", "net_assets_usd", "close_usd"))
    has_navs = nav0.notna() & nav1.notna()
    p0, p1 = nav0.where(has_navs, close0), nav1.where(has_navs, close1)
    by_shares = q0.notna() & q1.notna()
    by_aum = ~by_shares & a0.notna() & a1.notna()
    frame["flow_method"] = np.select([by_shares, by_aum], ["shares", "aum"], "price_only")

    def chosen(of_shares, of_aum):
        return of_shares.where(by_shares, of_aum.where(by_aum))

    frame["previous_session"] = by_symbol["session"].shift()
    frame["market_cap_usd"] = (frame["shares"] * frame["price_usd"]).fillna(a1)
    frame["before"] = chosen(q0 * p0, a0)
    frame["market_cap_change_usd"] = chosen(q1 * p1 - q0 * p0, a1 - a0)
    frame["price_effect_usd"] = chosen(q0 * (p1 - p0), a0 * (p1 / p0 - 1))
    frame["share_effect_usd"] = chosen(p1 * (q1 - q0), a1 - a0 * (p1 / p0))
    frame["flow_usd"] = frame["share_effect_usd"]
    frame["price_return"] = close1 / close0 - 1
    frame["is_supply_revision"] = False
    return frame.drop(columns=["present", "present_nav", "nav_usd", "net_assets_usd"])


def coin_flows(bars, supply, sessions):
    parts = []
    for symbol, of_symbol in bars.groupby("symbol"):
        own = of_symbol.set_index("session")
        held = supply[supply["symbol"] == symbol].set_index("session")
        q, p = held["supply"], held["price_usd"]
        daily = pd.DataFrame({"price_effect_usd": q.shift() * p.diff(), "share_effect_usd": p * q.diff()})
        daily["is_revision"] = (q.diff().abs() > 0.1 * q.shift()).astype(float)
        ends = own.index.intersection(sessions)
        rows = own.loc[ends].copy()
        rows["previous_session"] = pd.Series(ends, index=ends).shift()
        gap = pd.Series(ends.searchsorted(own.index), index=own.index)
        gap = gap[gap < len(ends)]
        days = (rows.index - rows["previous_session"]).dt.days
        traded = own["notional_usd"].reindex(gap.index).groupby(gap.to_numpy())
        rows["notional_usd"] = traded.sum().to_numpy()
        rows.loc[traded.count().to_numpy() != days.to_numpy(), "notional_usd"] = np.nan
        grouped = daily.reindex(gap.index).groupby(gap.to_numpy())
        summed, known = grouped.sum(), grouped["share_effect_usd"].count().to_numpy() == days.to_numpy()
        rows["price_usd"], rows["shares"] = p.reindex(ends).fillna(rows["close_usd"]), q.reindex(ends)
        rows["market_cap_usd"] = rows["shares"] * p.reindex(ends)
        rows["before"] = rows["market_cap_usd"].shift().where(known)
        rows["market_cap_change_usd"] = rows["market_cap_usd"].diff().where(known)
        for name in ("price_effect_usd", "share_effect_usd"):
            rows[name] = np.where(known, summed[name], np.nan)
        rows["is_supply_revision"] = summed["is_revision"].to_numpy() > 0
        rows["flow_usd"] = rows["share_effect_usd"].where(~rows["is_supply_revision"])
        rows["flow_method"] = np.where(known, "supply", "price_only")
        rows["price_return"] = rows["close_usd"].pct_change()
        parts.append(rows.reset_index())
    return pd.concat(parts)


def asset_flows(market):
    bars = market["bars"].copy()
    bars["notional_usd"] = bars["volume"].where(bars["is_coin"], bars["close_usd"] * bars["volume"])
    bars = bars.drop(columns=["high_usd", "low_usd", "volume"])
    funds, coins = bars[~bars["is_coin"]], bars[bars["is_coin"]]
    sessions = pd.DatetimeIndex(funds["session"].unique()).sort_values()
    of_funds = fund_flows(funds, market["shares"], market["splits"])
    frame = pd.concat([of_funds, coin_flows(coins, market["supply"], sessions)])
    frame = frame.sort_values(["symbol", "session"], ignore_index=True)
    by_symbol, by_session = frame.groupby("symbol"), frame.groupby("session")
    frame["flow_pct_of_market_cap"] = 100 * frame["flow_usd"] / frame["before"]
    frame["flow_zscore"] = by_symbol["flow_usd"].transform(zscore)
    of_investors = frame["flow_usd"].where(frame["flow_method"] != "supply")
    gross = of_investors.abs().groupby(frame["session"]).transform("sum")
    frame["gross_flow_share"] = (of_investors / gross).where(gross > 0)
    frame["notional_change_usd"] = by_symbol["notional_usd"].diff()
    frame["notional_share"] = frame["notional_usd"] / by_session["notional_usd"].transform("sum")
    frame["notional_zscore"] = by_symbol["notional_usd"].transform(zscore)
    following = pd.Series(sessions[1:].append(pd.DatetimeIndex([sessions[-1] + pd.offsets.BDay()])), index=sessions)
    opening = (following + pd.Timedelta(hours=9, minutes=30)).dt.tz_localize("America/New_York").dt.tz_convert("UTC")
    known_at = frame["session"].map(opening)
    end_of_day = (frame["session"] + pd.Timedelta(days=1)).dt.tz_localize("UTC")
    known_at = known_at.where(frame["flow_method"] != "supply", end_of_day)
    frame["known_at"] = known_at.where(frame["flow_method"] != "price_only")
    return frame.drop(columns=["before", "is_coin"])


def flow_rankings(flows):
    sessions = np.sort(flows["session"].unique())
    parts = []
    for window in WINDOWS:
        inside = flows[flows["session"].isin(sessions[-window:])]
        by_symbol = inside.groupby("symbol")
        ranked = by_symbol[["flow_usd", "price_effect_usd"]].sum(min_count=1)
        ranked["sessions_known"] = by_symbol["flow_usd"].count()
        ranked["flow_method"] = inside[inside["flow_method"] != "price_only"].groupby("symbol")["flow_method"].last()
        ranked["flow_method"] = ranked["flow_method"].fillna("price_only")
        now, before = (flows[flows["session"] == sessions[at]].set_index("symbol") for at in (-1, -1 - window))
        ranked["flow_pct_of_market_cap"] = 100 * ranked["flow_usd"] / before["market_cap_usd"]
        ranked["market_cap_change_usd"] = now["market_cap_usd"] - before["market_cap_usd"]
        ranked["price_return"] = now["close_usd"] / before["close_usd"] - 1
        of_funds = ranked["flow_usd"].where(ranked["flow_method"] != "supply")
        ranked["inflow_rank"] = of_funds.where(of_funds > 0).rank(method="first", ascending=False)
        ranked["outflow_rank"] = of_funds.where(of_funds < 0).rank(method="first")
        parts.append(ranked.reset_index().assign(window_sessions=window))
    return pd.concat(parts, ignore_index=True)


def flow_map(rankings, include_issuance):
    rows = []
    for window, of_window in rankings.groupby("window_sessions"):
        counted = of_window[(of_window["flow_method"] != "supply") | include_issuance]
        lost = {row.symbol: -row.flow_usd for row in counted.itertuples() if row.flow_usd < 0}
        gained = {row.symbol: row.flow_usd for row in counted.itertuples() if row.flow_usd > 0}
        larger = max(sum(lost.values()), sum(gained.values()))
        for source, outflow in lost.items():
            rows += [(window, source, target, outflow * inflow / larger) for target, inflow in gained.items()]
            rows.append((window, source, OUTSIDE, outflow * (1 - sum(gained.values()) / larger)))
        for target, inflow in gained.items():
            rows.append((window, OUTSIDE, target, inflow * (1 - sum(lost.values()) / larger)))
    frame = pd.DataFrame(rows, columns=["window_sessions", "from_symbol", "to_symbol", "flow_usd"])
    return frame[frame["flow_usd"] > 0]


def rolling_stats(flows):
    parts = []
    by_symbol = flows.groupby("symbol")["close_usd"]
    for window in ROLLING:
        stats = flows[["symbol", "session"]].assign(window_sessions=window)
        stats["total_return"] = flows["close_usd"] / by_symbol.shift(window) - 1
        stats["volatility"] = by_symbol.transform(lambda s, w=window: np.log(s / s.shift()).rolling(w).std() * 252**0.5)
        stats["drawdown"] = by_symbol.transform(lambda s, w=window: s / s.rolling(w).max() - 1)
        parts.append(stats)
    return pd.concat(parts).sort_values(["symbol", "session", "window_sessions"], ignore_index=True)


def correlations(flows):
    returns = np.log1p(flows.pivot(index="session", columns="symbol", values="price_return"))
    week = returns.index.to_period("W")
    first, second = np.triu_indices(returns.shape[1], k=1)
    parts = []
    for end in [*np.flatnonzero(week[:-1] != week[1:]), len(returns) - 1]:
        window = returns.iloc[max(end - CORRELATION + 1, 0) : end + 1]
        matrix = window.corr(min_periods=int(np.ceil(0.8 * CORRELATION))).to_numpy()
        parts.append(
            pd.DataFrame(
                {
                    "symbol_a": returns.columns[first],
                    "symbol_b": returns.columns[second],
                    "session": returns.index[end],
                    "correlation": matrix[first, second],
                }
            )
        )
    return pd.concat(parts).sort_values(["symbol_a", "symbol_b", "session"], ignore_index=True)


def regimes(volatility, flows):
    by_name = volatility.pivot(index="session", columns="symbol", values="close")
    frame = by_name.rename(columns={"VIX": "vix", "VIX3M": "vix3m"})
    frame["vix_percentile"] = (frame["vix"].rolling(252).rank() - 0.5) / 252
    frame["term_structure"] = frame["vix"] / frame["vix3m"]
    state, states, below, above = "mixed", [], 0, 0
    for place in frame["vix_percentile"]:
        below, above = (below + 1 if place < 0.33 else 0), (above + 1 if place > 0.8 else 0)
        if below >= 3:
            state = "risk_on"
        elif above >= 3:
            state = "risk_off"
        elif (state == "risk_on" and place > 0.33 + 0.05) or (state == "risk_off" and place < 0.8 - 0.05):
            state = "mixed"
        states.append(None if np.isnan(place) else state)
    frame["vix_regime"] = states
    closes = flows.pivot(index="session", columns="symbol", values="close_usd")
    signals = []
    for over, under in PAIRS:
        ratio = closes[over] / closes[under]
        average = ratio.rolling(20).mean()
        change = average.diff()
        up, down = (ratio > average) & (change > 0), (ratio < average) & (change < 0)
        signals.append((up.astype(float) - down.astype(float)).where(change.notna()))
    known = pd.concat(signals, axis=1)
    frame["ratio_score"], frame["ratio_pairs_known"] = known.sum(axis=1, min_count=1), known.count(axis=1)
    return frame.drop(columns="vix3m").reset_index()


def pressure(market, flows):
    parts = []
    figures = flows.set_index("session")[["symbol", "previous_session", "notional_usd", "price_return"]]
    by_symbol = dict(list(figures.groupby("symbol")))
    for symbol, of_symbol in market["bars"].groupby("symbol"):
        of_flows, own = by_symbol[symbol], of_symbol.set_index("session")
        if own["is_coin"].iloc[0]:
            ends = of_flows.index
            gap = pd.Series(ends.searchsorted(own.index), index=own.index)
            inside = own[(gap < len(ends)) & ((gap > 0) | (own.index == ends[0]))]
            how = {"high_usd": "max", "low_usd": "min", "close_usd": "last", "volume": "sum"}
            own = inside.groupby(gap.reindex(inside.index).to_numpy()).agg(how).set_index(ends)
        notional = of_flows["notional_usd"]
        h, lo, c, v = own["high_usd"], own["low_usd"], own["close_usd"], own["volume"].where(notional.notna())
        position = ((2 * c - lo - h) / (h - lo)).where(h != lo, 0.0)
        typical = (h + lo + c) / 3
        rise = typical.diff()
        up = (typical * v * (rise > 0)).where(rise.notna()).rolling(14).sum()
        down = (typical * v * (rise < 0)).where(rise.notna()).rolling(14).sum()
        change = np.sign(c.diff()) * v
        change.iloc[0] = 0.0
        signed = np.sign(of_flows["price_return"]) * notional
        parts.append(
            pd.DataFrame(
                {
                    "symbol": symbol,
                    "cmf_20": (position * v).rolling(20).sum() / v.rolling(20).sum(),
                    "mfi_14": 100 * up / (up + down),
                    "obv": change.cumsum(),
                    "relative_volume": notional / notional.shift().rolling(20).median(),
                    "signed_notional_ratio": signed.rolling(20).sum() / notional.rolling(20).sum(),
                }
            )
        )
    return pd.concat(parts).reset_index()


def stablecoin_issuance(stable):
    return stable.assign(issuance_usd=stable.groupby("symbol")["supply"].diff())


def derive(market):
    """Every derived table, by name."""
    flows = asset_flows(market)
    rankings = flow_rankings(flows)
    return {
        "core.asset_flows": flows,
        "core.stablecoin_issuance": stablecoin_issuance(market["stable"]),
        "mart.flow_rankings": rankings,
        "mart.flow_map": pd.concat([flow_map(rankings, include) for include in (False, True)]),
        "mart.rolling_stats": rolling_stats(flows),
        "mart.correlations": correlations(flows),
        "mart.regimes": regimes(market["vix"], flows),
        "mart.pressure": pressure(market, flows),
    }


def figures_of(tables):
    """Rows of each table, and of each column of numbers how many are known and the sum of their sizes."""
    found = {}
    for name, frame in tables.items():
        found[f"{name}.rows"] = [len(frame), 0.0]
        for column in frame.select_dtypes("number").columns:
            found[f"{name}.{column}"] = [int(frame[column].count()), float(frame[column].abs().sum())]
    return found


def main():
    market = read_market(sys.argv[1])
    figures = figures_of(derive(market))
    seconds, cpu_seconds = [], []
    for _ in range(int(sys.argv[2])):
        begun, cpu_begun = time.perf_counter(), time.process_time()
        derive(market)
        seconds.append(time.perf_counter() - begun)
        cpu_seconds.append(time.process_time() - cpu_begun)
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "figures": figures}))


if __name__ == "__main__":
    main()
