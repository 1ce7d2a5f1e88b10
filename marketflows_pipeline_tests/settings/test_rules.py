"""Every rule of config.toml, one test each."""

from __future__ import annotations

import logging
from datetime import date
from pathlib import Path

import pytest

from marketflows_pipeline.settings import load_settings
from marketflows_pipeline.settings.providers import DEFAULT_EXCLUDED, PEGGED_COINS
from marketflows_pipeline_tests.settings.conftest import Faults, Load

COINGECKO = "[providers.coingecko]\n"


def test_a_missing_key_takes_the_default_of_the_example(load: Load) -> None:
    coingecko = load("").providers.coingecko
    assert coingecko.days == 91
    assert coingecko.flow_types == ("narratives", "market_cap_ranges", "individual_assets")
    assert coingecko.base_assets == ("us-dollar", "bitcoin")
    assert coingecko.narratives == ("made-in-usa", "ai")
    assert coingecko.range_lower_limits == (1e9, 1e10)
    assert coingecko.asset_groups == {"MyPortfolio": ("bitcoin", "ethereum"), "AltBag": ("solana", "ripple")}
    assert (coingecko.repair_calls_per_run, coingecko.min_coverage_pct, coingecko.narrative_top_n) == (10, 95.0, 10)
    assert (coingecko.narrative_members, coingecko.exclude_categories) == ("current", DEFAULT_EXCLUDED)
    analysis, plots = load("").analysis, load("").plots
    assert (analysis.ema_periods, analysis.diff_orders, analysis.smoothing_ema) == ((1, 20), (0, 1, 2), 10)
    assert analysis.is_unit_normalize
    assert plots.hours_ago == (4, 8, 12, 24, 48, 72, 168, 336, 672)
    assert plots.scale == 2


def test_the_config_file_of_the_repository_says_the_defaults(load: Load) -> None:
    root = Path(__file__).parents[2]
    written = load_settings(root / "config.toml", None, {"COINGECKO_API_KEY": "CG-test"})
    default = load("[exchanges]")
    of_a_folder = {"warehouse", "report"}
    assert written.model_dump(exclude=of_a_folder) == default.model_dump(exclude=of_a_folder)
    assert (written.report.path, written.report.keep_days) == (root / "report", default.report.keep_days)


@pytest.mark.parametrize(("written", "used"), [(0, 1), (-5, 1), (366, 365), (10_000, 365)])
def test_days_outside_1_to_365_are_clamped_with_a_warning(
    load: Load, caplog: pytest.LogCaptureFixture, written: int, used: int
) -> None:
    with caplog.at_level(logging.WARNING, "marketflows_pipeline"):
        assert load(f"{COINGECKO}days = {written}").providers.coingecko.days == used
    assert [record.getMessage() for record in caplog.records] == [
        f"providers.coingecko.days = {written} is outside 1 to 365; using {used}"
    ]


@pytest.mark.parametrize("days", [1, 365])
def test_days_at_the_limits_pass_without_a_warning(load: Load, caplog: pytest.LogCaptureFixture, days: int) -> None:
    with caplog.at_level(logging.WARNING, "marketflows_pipeline"):
        assert load(f"{COINGECKO}days = {days}").providers.coingecko.days == days
    assert caplog.records == []


def test_an_unknown_provider_is_refused(faults: Faults) -> None:
    expected = "config.toml: provider = 'gecko': expected 'coingecko', 'coinpaprika' or 'folder'"
    assert faults('provider = "gecko"') == [expected]


def test_an_unknown_flow_type_is_refused_by_name(faults: Faults) -> None:
    assert faults(f'{COINGECKO}flow_types = ["narratives", "ranges"]') == [
        "config.toml: providers.coingecko.flow_types[1] = 'ranges': "
        "expected 'narratives', 'market_cap_ranges' or 'individual_assets'"
    ]


def test_no_flow_type_at_all_is_refused(faults: Faults) -> None:
    assert "expected at least one of narratives" in faults(f"{COINGECKO}flow_types = []")[0]


def test_flow_types_are_taken_once(load: Load) -> None:
    settings = load(f'{COINGECKO}flow_types = ["narratives", "narratives"]')
    assert settings.providers.coingecko.flow_types == ("narratives",)


@pytest.mark.parametrize(
    ("written", "used"),
    [
        ("[]", ("us-dollar",)),
        ('["bitcoin", "us-dollar", "bitcoin"]', ("us-dollar", "bitcoin")),
        ('["ethereum", "bitcoin"]', ("us-dollar", "ethereum", "bitcoin")),
    ],
)
def test_base_assets_are_taken_once_with_us_dollar_first(load: Load, written: str, used: tuple[str, ...]) -> None:
    assert load(f"{COINGECKO}base_assets = {written}").providers.coingecko.base_assets == used


@pytest.mark.parametrize(
    ("flow_type", "key", "empty"),
    [
        ("narratives", "narratives", "[]"),
        ("market_cap_ranges", "range_lower_limits", "[]"),
        ("individual_assets", "asset_groups", "{}"),
    ],
)
def test_a_key_that_a_flow_type_needs_may_not_be_empty(
    load: Load, faults: Faults, flow_type: str, key: str, empty: str
) -> None:
    (fault,) = faults(f'{COINGECKO}flow_types = ["{flow_type}"]\n{key} = {empty}')
    assert f"providers.coingecko.{key} = " in fault
    assert fault.endswith(f'because flow_types holds "{flow_type}"')

    other = "narratives" if flow_type != "narratives" else "individual_assets"
    unneeded = load(f'{COINGECKO}flow_types = ["{other}"]\n{key} = {empty}')
    assert len(getattr(unneeded.providers.coingecko, key)) == 0


def test_narratives_are_taken_once_in_their_order(load: Load) -> None:
    assert load(f'{COINGECKO}narratives = ["b", "a", "b"]').providers.coingecko.narratives == ("b", "a")


def test_range_limits_are_sorted_and_taken_once(load: Load) -> None:
    limits = load(f"{COINGECKO}range_lower_limits = [1e10, 1e9, 1000000000]").providers.coingecko.range_lower_limits
    assert limits == (1e9, 1e10)


@pytest.mark.parametrize("limit", ["0", "-1e9", "0.5", "1000000000.5"])
def test_a_range_limit_is_a_positive_number_of_whole_dollars(faults: Faults, limit: str) -> None:
    (fault,) = faults(f"{COINGECKO}range_lower_limits = [1e9, {limit}]")
    assert fault.startswith("config.toml: providers.coingecko.range_lower_limits[1] = ")
    assert fault.endswith("expected whole dollars above 0")


@pytest.mark.parametrize("limit", ["nan", "inf", "-inf"])
def test_a_range_limit_is_finite(faults: Faults, limit: str) -> None:
    assert faults(f"{COINGECKO}range_lower_limits = [{limit}]")[0].endswith("expected a finite number")


def test_a_table_of_portfolios_replaces_the_default_ones(load: Load) -> None:
    groups = load('[providers.coingecko.asset_groups]\nMine = ["monero", "monero", "tron"]').providers.coingecko
    assert groups.asset_groups == {"Mine": ("monero", "tron")}


def test_a_portfolio_holds_a_coin(faults: Faults) -> None:
    assert faults("[providers.coingecko.asset_groups]\nMine = []") == [
        "config.toml: providers.coingecko.asset_groups.Mine = []: expected at least one entry"
    ]


@pytest.mark.parametrize("name", ["Narratives", "portfolios", "RANGES", " Ranges "])
def test_a_portfolio_may_not_be_called_like_a_category(faults: Faults, name: str) -> None:
    (fault,) = faults(f'[providers.coingecko.asset_groups]\n"{name}" = ["bitcoin"]')
    assert fault.endswith("expected another name: Narratives, Portfolios, Ranges are categories of this program")


def test_portfolio_names_differ_by_more_than_case(faults: Faults) -> None:
    (fault,) = faults('[providers.coingecko.asset_groups]\nAlt = ["bitcoin"]\nALT = ["tron"]')
    assert fault.endswith("expected portfolio names that differ by more than upper and lower case")


NO_FILE_NAMES = [
    "",
    "  ",
    "a/b",
    "a\\b",
    "..",
    ".hidden",
    "a\0b",
    "a\nb",
    "a\x7fb",
    "a:b",
    "what?",
    "a*",
    "<a>",
    'a"b',
    "a|b",
    "con",
    "NUL",
    "Com1.txt",
    "trailing ",
    "trailing.",
    "é" * 51,
]


def _quoted(name: str) -> str:
    """A TOML basic string that holds this name."""
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\u{ord(c):04x}" for c in name) + '"'


@pytest.mark.parametrize("name", NO_FILE_NAMES)
@pytest.mark.parametrize(
    "template",
    [
        '[providers.coingecko.asset_groups]\n{} = ["bitcoin"]',
        "[providers.coingecko]\nnarratives = [{}]",
        "[providers.coingecko]\nbase_assets = [{}]",
    ],
)
def test_a_name_that_cannot_be_a_file_name_is_refused(faults: Faults, template: str, name: str) -> None:
    (fault,) = faults(template.format(_quoted(name)))
    assert ": expected a name " in fault


@pytest.mark.parametrize("name", ["Alt Bag", "Bär & Söhne", "a.b", "x" * 100, "console", "日本"])
def test_a_name_that_can_be_a_file_name_is_taken_as_it_is(load: Load, name: str) -> None:
    groups = load(f'[providers.coingecko.asset_groups]\n"{name}" = ["bitcoin"]').providers.coingecko.asset_groups
    assert list(groups) == [name]


@pytest.mark.parametrize("coin", ["", " bitcoin", "a\tb", "a\\u0000", "a\u200b", "\u202ea", "a\u2028", "x" * 201])
def test_a_coin_id_has_no_stray_spaces(faults: Faults, coin: str) -> None:
    assert "expected an id" in faults(f'[providers.coingecko.asset_groups]\nMine = ["{coin}"]')[0]


def test_ema_periods_always_hold_1_and_are_sorted(load: Load) -> None:
    assert load("[analysis]\nema_periods = [50, 20, 50]").analysis.ema_periods == (1, 20, 50)
    assert load("[analysis]\nema_periods = []").analysis.ema_periods == (1,)


@pytest.mark.parametrize("key", ["ema_periods = [0]", "smoothing_ema = 0"])
def test_an_ema_span_is_at_least_1(faults: Faults, key: str) -> None:
    assert faults(f"[analysis]\n{key}")[0].endswith("= 0: expected 1 or more")


@pytest.mark.parametrize("flow_type", ["narratives", "individual_assets"])
def test_orders_expand_to_all_up_to_the_highest_for_groups(load: Load, flow_type: str) -> None:
    config = f'{COINGECKO}flow_types = ["{flow_type}"]\n[analysis]\ndiff_orders = [3]'
    assert load(config).analysis.diff_orders == (0, 1, 2, 3)


def test_orders_stay_as_asked_for_ranges_alone(load: Load) -> None:
    config = f'{COINGECKO}flow_types = ["market_cap_ranges"]\n[analysis]\ndiff_orders = [2, 0, 2]'
    assert load(config).analysis.diff_orders == (0, 2)


def test_default_orders_fit_ranges(load: Load) -> None:
    assert load('[providers.coingecko]\nflow_types = ["market_cap_ranges"]').analysis.diff_orders == (0, 1, 2)


def test_an_order_above_2_is_refused_where_ranges_are_asked_for(faults: Faults) -> None:
    (fault,) = faults("[analysis]\ndiff_orders = [0, 3]")
    assert fault.startswith("config.toml: analysis.diff_orders = [0, 3]: expected orders up to 2, because flow_types")


@pytest.mark.parametrize("orders", ["[]", "[-1]"])
def test_orders_are_some_whole_numbers_from_0(faults: Faults, orders: str) -> None:
    assert faults(f"[analysis]\ndiff_orders = {orders}")[0].startswith("config.toml: analysis.diff_orders")


def test_offsets_are_made_positive_sorted_and_taken_once(load: Load) -> None:
    assert load("[plots]\nhours_ago = [24, -4, 4.0, 0.5]").plots.hours_ago == (0.5, 4, 24)


@pytest.mark.parametrize("offsets", ["[]", "[0]", "[nan]"])
def test_an_offset_is_a_length_of_time(faults: Faults, offsets: str) -> None:
    assert faults(f"[plots]\nhours_ago = {offsets}")[0].startswith("config.toml: plots.hours_ago")


@pytest.mark.parametrize("scale", ["0", "-1", "9", "true", '"2"'])
def test_scale_is_a_number_above_0_up_to_8(faults: Faults, scale: str) -> None:
    assert faults(f"[plots]\nscale = {scale}")[0].startswith("config.toml: plots.scale = ")


@pytest.mark.parametrize(
    "line",
    [
        'days = "91"',
        "days = 91.0",
        "days = true",
        "min_coverage_pct = 101",
        "min_coverage_pct = -1",
        "narrative_top_n = 0",
        "narrative_top_n = 251",
        "repair_calls_per_run = -1",
        "calls_per_minute = 0",
        "monthly_credits = 0",
        'plan = "free"',
        "plan = 1",
        "narratives = 5",
        'narratives = "ai"',
        "narratives = [5]",
        "asset_groups = 5",
        'exclude_categories = ["a/b"]',
        'narrative_members = "yesterday"',
        "narrative_members = 2026-03-01T00:00:00Z",
        'base_url = "ftp://a.example"',
        'base_url = "https://"',
        'base_url = "https://a.example/?key=1"',
        'base_url = "https://user:word@a.example"',
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_with_key_and_expectation(faults: Faults, line: str) -> None:
    (fault,) = faults(COINGECKO + line)
    assert fault.startswith(f"config.toml: providers.coingecko.{line.split(' = ', maxsplit=1)[0]}")
    assert ": expected " in fault


@pytest.mark.parametrize("written", ["2026-03-01", '"2026-03-01"'])
def test_members_may_be_those_of_a_day(load: Load, written: str) -> None:
    config = f"{COINGECKO}narrative_members = {written}"
    assert load(config).providers.coingecko.narrative_members == date(2026, 3, 1)


@pytest.mark.parametrize(
    ("plan", "host", "per_minute", "per_month"),
    [
        ("demo", "https://api.coingecko.com/api/v3", 25, 10_000),
        ("keyless", "https://api.coingecko.com/api/v3", 5, 10_000),
        ("pro", "https://pro-api.coingecko.com/api/v3", 250, 100_000),
    ],
)
def test_address_and_limits_follow_from_the_plan(
    load: Load, plan: str, host: str, per_minute: int, per_month: int
) -> None:
    coingecko = load(f'{COINGECKO}plan = "{plan}"').providers.coingecko
    assert (coingecko.base_url, coingecko.calls_per_minute, coingecko.monthly_credits) == (host, per_minute, per_month)


def test_address_and_limits_may_be_given(load: Load) -> None:
    coingecko = load(
        f'{COINGECKO}base_url = "http://127.0.0.1:8080/api/"\ncalls_per_minute = 500\nmonthly_credits = 500000\n'
        '[providers.defillama]\nbase_url = "http://127.0.0.1:8081"'
    ).providers
    assert coingecko.coingecko.base_url == "http://127.0.0.1:8080/api"
    assert (coingecko.coingecko.calls_per_minute, coingecko.coingecko.monthly_credits) == (500, 500_000)
    assert coingecko.defillama.base_url == "http://127.0.0.1:8081"


def test_paths_start_at_the_folder_of_the_file(load: Load, tmp_path: Path) -> None:
    assert load("").warehouse.path == tmp_path / ".marketflows/warehouse.duckdb"
    assert load("").warehouse.published_path == tmp_path / "warehouse/marketflows.duckdb"
    given = load('[warehouse]\npath = "a.duckdb"\npublished_path = "/srv/b.duckdb"').warehouse
    assert (given.path, given.published_path) == (tmp_path / "a.duckdb", Path("/srv/b.duckdb"))


@pytest.mark.parametrize("line", ["path = 3", 'path = ""', 'path = "folder/"', 'published_path = "a\\u0000b"'])
def test_a_path_names_a_file(faults: Faults, line: str) -> None:
    assert ": expected the path of a file" in faults(f"[warehouse]\n{line}")[0]


def test_the_two_database_files_differ(faults: Faults) -> None:
    (fault,) = faults('[warehouse]\npath = "a.duckdb"\npublished_path = "a.duckdb"')
    assert fault.startswith("config.toml: warehouse.published_path")


def test_settings_cannot_be_changed(load: Load) -> None:
    settings = load("")
    with pytest.raises(ValueError, match="frozen"):
        settings.plots.scale = 3.0  # type: ignore[misc]


@pytest.mark.parametrize("written", ["US-Dollar", "us_dollar", "USDollar"])
def test_the_dollar_is_written_in_one_way(faults: Faults, written: str) -> None:
    """It is no coin, so the list of coins named others that are called dollar."""
    (line,) = faults(f'[providers.coingecko]\nbase_assets = ["{written}"]')
    assert line.endswith(f"expected 'us-dollar', as the dollar is written, not '{written}'")


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('set = "all"', "plots.set = 'all': expected 'document', 'essential' or 'none'"),
        ('theme = "black"', "plots.theme = 'black': expected 'light' or 'dark'"),
        ("size = 16", "plots.size = 16: expected 'deck', 'wide' or 'square'"),
        ("watermark = 3", 'plots.watermark = 3: expected text in quotes: "3"'),
        (f'watermark = "{"x" * 61}"', f"plots.watermark = '{'x' * 61}': expected text of at most 60 characters"),
    ],
)
def test_a_look_that_is_none_says_what_was_expected(faults: Faults, line: str, fault: str) -> None:
    assert faults(f"[plots]\n{line}") == [f"config.toml: {fault}"]


def test_a_watermark_is_cleaned_of_what_no_picture_may_show(load: Load) -> None:
    assert load('[plots]\nwatermark = "A\\u202e\\u0007\\n<b>  B"').plots.watermark == "A <b> B"
    assert load('[plots]\nwatermark = "\\u200b"').plots.look.watermark == ""


def test_a_loan_at_a_dollar_is_among_the_pegged_coins() -> None:
    assert "figure-heloc" in PEGGED_COINS
    assert list(PEGGED_COINS) == sorted(set(PEGGED_COINS))
