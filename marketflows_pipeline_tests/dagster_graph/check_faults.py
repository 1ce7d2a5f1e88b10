"""What to break in a good run, for each check."""

from __future__ import annotations

ROTATIONS = ("mart.rotation", "mart.cross_asset_rotation")

CHECK_FAULTS = {
    "raw.market_caps:market_caps_are_positive": (
        "update raw.market_caps set market_cap_usd = -1 where coin_id = 'bitcoin'"
    ),
    "raw.market_caps:newest_observation_is_recent": "update raw.market_caps set ts = ts - interval 3 hours",
    "raw.market_caps:supply_is_not_revised": (
        "update raw.market_caps set price_usd = price_usd / 2 where coin_id = 'bitcoin'"
        " and ts > (select max(ts) - interval 1 day from raw.market_caps)"
    ),
    "core.cohort:coverage_is_sufficient": "delete from meta.backfills where coin_id = 'bitcoin'",
    "core.market_cap_grid:caps_do_not_jump": (
        "update core.market_cap_grid set market_cap_usd = 10 * market_cap_usd"
        " where coin_id = 'bitcoin' and ts = (select max(ts) from core.market_cap_grid)"
    ),
    "core.buckets:cohort_coins_have_one_bucket": (
        "delete from core.buckets where coin_id = 'bitcoin' and ts = (select max(ts) from core.buckets)"
    ),
    "core.group_totals:ranges_sum_to_the_cohort": (
        "update core.group_totals set market_cap_usd = 1.01 * market_cap_usd where category = 'Ranges'"
    ),
    "mart.normalized:curves_start_at_one": "update mart.normalized set value = 1.01 * value where series = 'bitcoin'",
    "mart.unit_normalized:unit_values_are_within_bounds": "update mart.unit_normalized set value = value + 0.5",
    "core.narrative_constituents:weights_sum_to_one": (
        "update core.narrative_constituents set weight = weight + 1e-6 where coin_id = 'bitcoin'"
    ),
    "mart.index_contributions:contributions_sum_to_the_return": (
        "update mart.index_contributions set points = 1.000001 * points where coin_id = 'bitcoin'"
    ),
    "mart.cap_attribution:coin_effects_sum_to_the_change": (
        "update mart.cap_attribution set price_effect_usd = price_effect_usd + 1e-6 * market_cap_usd"
        " where coin_id = 'bitcoin'"
    ),
    "mart.cap_attribution_totals:series_effects_sum_to_the_change": (
        "update mart.cap_attribution_totals set arrivals_usd = arrivals_usd + 1e-6 * market_cap_usd"
    ),
    "mart.range_migration:migration_sums_to_the_totals": (
        "insert into mart.range_migration values (1, timestamptz '2026-10-09 00:00:00Z',"
        " timestamptz '2026-10-10 00:00:00Z', 'x', null, '1000000000', null, 2e9, 'entered')"
    ),
    "mart.range_chain:chains_begin_at_their_base": (
        "insert into mart.range_chain values ('1000000000', timestamptz '2026-10-10 00:00:00Z', 999, 1, 0, null)"
    ),
    "core.index_closes:index_prices_are_known": "update core.index_closes set coverage_pct = 89",
    "mart.breadth:measures_have_enough_coins": "update mart.breadth set n = 7, advance_decline = 1000.0",
    "mart.breadth:breadth_is_within_bounds": "update mart.breadth set above_ema_20_pct = 101",
    "mart.breadth:ranges_partition_the_cohort": (
        "update mart.breadth set n_members = n_members + 1 where category = 'Cohort'"
    ),
    "mart.category_breadth:category_breadth_is_within_bounds": (
        "update mart.category_breadth set n = 7, advancing_pct = 50"
    ),
    "mart.narrative_overlap:overlap_is_within_bounds": (
        "insert into mart.narrative_overlap values ('a', 'b', now(), 1, 1.0, 110, 50, false)"
    ),
    "mart.market_map:parts_add_to_the_whole": "delete from mart.market_map where coin_id = 'bitcoin'",
    "mart.dominance:dominance_adds_up": "update mart.dominance set bitcoin_pct = bitcoin_pct + 1",
    "raw.category_snapshots:newest_categories_are_recent": (
        "update raw.category_snapshots set observed_at = observed_at - interval 27 hours"
    ),
    "mart.category_radar:categories_are_complete": "delete from mart.category_radar where period_days = 30",
    "mart.category_radar:unusualness_has_a_past": (
        "update mart.category_radar set cap_change_percentile_pct = 99 where period_days = 7"
    ),
    "raw.exchanges:newest_listing_is_recent": "update raw.exchanges set observed_at = observed_at - interval 3 hours",
    "raw.cex_snapshots:newest_overview_is_recent": (
        "update raw.cex_snapshots set observed_at = observed_at - interval 3 hours"
    ),
    "raw.protocols:daily_answers_are_recent": (
        "update raw.protocols set observed_at = observed_at - interval 27 hours"
    ),
    "core.exchanges:no_tracked_exchange_is_lost": (
        "update raw.exchanges set observed_at = observed_at - interval 27 hours where exchange_id = 'kraken'"
    ),
    "mart.exchange_netflow:netflow_adds_up": (
        "update mart.exchange_netflow set netflow_usd = netflow_usd + 1e-3 * reserves_usd"
    ),
    "mart.exchange_netflow:netflow_agrees_with_tvl": "update mart.exchange_netflow set identity_gap_pct = -2.1",
    "mart.exchange_netflow:large_tokens_do_not_vanish": (
        "update mart.exchange_netflow set largest_vanished_token = 'X', largest_vanished_usd = 0.02 * reserves_usd"
    ),
    "mart.exchange_netflow:large_tokens_do_not_appear": (
        "update mart.exchange_netflow set largest_new_token = 'X', largest_new_usd = 0.02 * reserves_usd"
    ),
    "mart.exchange_netflow_by_class:classes_sum_to_the_exchange": (
        "update mart.exchange_netflow_by_class set netflow_mid_usd = netflow_mid_usd + 1e-3 * reserves_usd"
    ),
    "mart.exchange_league:tracked_exchanges_have_a_place": (
        "delete from mart.exchange_league where exchange_key = 'kraken' and period_days = 7"
    ),
    "mart.exchange_positions:position_shares_sum_to_one": (
        "update mart.exchange_positions set spot_share_pct = 1.01 * spot_share_pct"
    ),
    "mart.exchange_shares:shares_sum_to_one": (
        "delete from mart.exchange_shares where exchange_key = 'kraken' and segment = 'tracked'"
    ),
    "mart.exchange_dominance:indices_are_within_bounds": (
        "update mart.exchange_dominance set hhi_index = 0.9 * 10000 / n_exchanges"
    ),
    "raw.daily_bars:closes_are_positive": "update raw.daily_bars set close_usd = 0 where symbol = 'SPY'",
    "raw.daily_bars:newest_bar_is_recent": "delete from raw.daily_bars where session > '2026-10-02'",
    "core.asset_flows:closes_do_not_jump": "update core.asset_flows set price_return = 9 where symbol = 'QQQ'",
    "core.asset_flows:no_flow_is_very_large": (
        "update core.asset_flows set is_large_creation = true"
        " where symbol = 'SPY' and session = (select max(session) from core.asset_flows)"
    ),
    "core.share_splits:splits_are_listed": (
        "insert into core.share_splits by name select 'SPY' as symbol, date '2026-01-05' as session,"
        " 'suspected' as status, false as is_inferred, 4 as share_ratio, 'SPY,2026-01-05,4' as splits_line"
    ),
    "core.share_splits:closes_are_adjusted_for_splits": (
        "insert into core.share_splits by name select 'SPY' as symbol, date '2026-01-05' as session,"
        " 'listed' as status, false as is_inferred, 1.02 as ratio, 1 / 1.02 as basis_ratio, 'SPY,2026-01-05,1.02'"
        " as splits_line"
    ),
    # SPY pays 1 % half a year before the newest bar, and its closes are the adjusted ones.
    "core.asset_flows:closes_are_not_adjusted_for_dividends": (
        "update raw.daily_bars set adjusted_close_usd = close_usd where symbol = 'SPY';"
        " delete from raw.shares_outstanding where symbol = 'SPY';"
        " insert into raw.corporate_actions by name select 'SPY' as symbol, max(session) as session,"
        " 'dividend' as action, max(close_usd) / 100 as value, 'x' as source, max(fetched_at) as fetched_at"
        " from raw.daily_bars where symbol = 'SPY'"
    ),
    "mart.flow_comparison:reported_flows_fit_without_a_lag": (
        "insert into mart.flow_comparison by name select 'IBIT' as symbol, lag as lag_sessions, lag / 2 + 0.4 as"
        " correlation, 60 as n, 50 as n_signed, lag = 1 as is_best from range(2) lags(lag)"
    ),
    "core.asset_flows:effects_sum_to_the_change": (
        "update core.asset_flows set share_effect_usd = share_effect_usd + 1e-3 * market_cap_usd where symbol = 'SPY'"
    ),
    "core.asset_flows:shares_sum_to_one": "delete from core.asset_flows where symbol = 'SPY'",
    "mart.flow_map:attributions_sum_to_flows": "update mart.flow_map set flow_usd = 1.01 * flow_usd",
    **{
        f"{name}:points_stand_in_their_quadrants": (
            f"insert into {name} by name select 'made up' as universe, 'x' as series, 'y' as benchmark, now() as ts,"
            " 105 as ratio, 99 as momentum, 'leading' as quadrant, false as is_backfilled"
        )
        for name in ROTATIONS
    },
    **{
        f"{name}_log:stays_cover_the_points": (
            f"insert into {name}_log by name select 'made up' as universe, 'x' as series, 'y' as benchmark,"
            " now() as entered_at, 'leading' as quadrant, 0 as days, true as is_seen_to_begin, false as is_backfilled"
        )
        for name in ROTATIONS
    },
    **{
        f"{name}_placebo:bands_are_bands": (
            f"insert into {name}_placebo by name select 'made up' as universe, 'y' as benchmark, 'dwell' as statistic,"
            " now() as as_of, 3 as value, 5 as lower, 4 as upper, 30 as n_entries, 1 as n_series, 365 as n_steps,"
            " 0 as n_backfilled, 'z' as closes_hash"
        )
        for name in ROTATIONS
    },
    "mart.model_evaluation:no_model_looks_too_good": (
        "insert into mart.model_evaluation values ('direction_5_logistic_x', 'with_flows', 'auc', 'mean of assets',"
        " 0.63, 0.59, 0.66, 1000, now(), false)"
    ),
}
