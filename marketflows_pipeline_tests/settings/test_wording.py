"""A value of the wrong kind is answered with how it is written."""

from __future__ import annotations

import pytest

from marketflows_pipeline_tests.settings.conftest import Faults, Load


@pytest.mark.parametrize(
    ("table", "line", "expectation"),
    [
        ("providers.coingecko", 'narratives = "ai"', 'a list: ["ai"]'),
        ("providers.coingecko", 'narratives = "ai, made-in-usa"', 'a list: ["ai", "made-in-usa"]'),
        ("providers.coingecko", "narratives = 5", "a list: [5]"),
        ("providers.coingecko", 'narratives = ""', "a list in brackets"),
        ("providers.coingecko", "range_lower_limits = 1e9", "a list: [1000000000]"),
        ("providers.coingecko", 'flow_types = "narratives"', 'a list: ["narratives"]'),
        ("providers.coingecko", 'days = "91"', "a whole number without quotes: 91"),
        ("providers.coingecko", "days = 91.0", "a whole number: 91"),
        ("providers.coingecko", "days = [91]", "a whole number without brackets: 91"),
        ("providers.coingecko.asset_groups", 'Mine = "bitcoin"', 'a list: ["bitcoin"]'),
        ("analysis", "ema_periods = 20", "a list: [20]"),
        ("analysis", 'diff_orders = "0, 1"', "a list: [0, 1]"),
        ("analysis", 'is_unit_normalize = "false"', "true or false without quotes: false"),
        ("plots", 'scale = "2.5"', "a number without quotes: 2.5"),
        ("plots", 'scale = "big"', "a number"),
        ("exchanges", 'tracked = "binance"', 'a list: ["binance"]'),
        ("cross_asset", 'windows = "5"', "a list: [5]"),
        (
            "cross_asset",
            'universe = "SPY"',
            "a list of tables, each with its keys below a line of its own: [[cross_asset.universe]]",
        ),
    ],
)
def test_a_value_of_the_wrong_kind_is_shown_as_it_is_written(
    faults: Faults, table: str, line: str, expectation: str
) -> None:
    """narratives = "ai" was told "expected a list, such as [1, 2]"."""
    (fault,) = faults(f"[{table}]\n{line}")
    assert fault.startswith(f"config.toml: {table}.{line.split(' = ', maxsplit=1)[0]} = ")
    assert fault.endswith(f": expected {expectation}")


@pytest.mark.parametrize("written", ['"bitcoin"', '["bitcoin"]'])
def test_a_table_is_shown_as_it_is_written(faults: Faults, written: str) -> None:
    (fault,) = faults(f"[providers.coingecko]\nasset_groups = {written}")
    assert fault.endswith(": expected a table: [providers.coingecko.asset_groups] on a line of its own, its keys below")


def test_pairs_that_are_one_pair_are_told_that_they_are_lists_within_the_list(faults: Faults) -> None:
    lines = faults('[cross_asset]\nratio_pairs = ["HYG", "TLT"]')
    assert [line.split(": ", 2)[-1] for line in lines] == ["expected a list within the list, as in [[...], [...]]"] * 2


def test_text_is_shown_in_quotes(faults: Faults) -> None:
    (fault,) = faults("[providers.coingecko]\nnarratives = [5]")
    assert fault.endswith('narratives[0] = 5: expected text in quotes: "5"')


def test_what_looks_like_a_key_is_shown_no_second_time(faults: Faults) -> None:
    (fault,) = faults('[providers.coingecko]\nnarratives = "CG-abcdef123"')
    assert "abcdef123" not in fault


@pytest.mark.parametrize(
    ("table", "line", "expectation"),
    [
        ("exchanges", "hhi_thresholds = [1, 2, 3]", "hhi_thresholds = [1, 2, 3]: expected at most 2 entries"),
        ("exchanges", "hhi_thresholds = [1000]", "hhi_thresholds[1] = [1000]: expected an entry here too"),
        ("cross_asset", 'ratio_pairs = [["SPY"]]', "ratio_pairs[0][1] = ['SPY']: expected an entry here too"),
        ("cross_asset", "universe = []", "universe = []: expected at least 2 entries"),
        ("cross_asset", "providers = []", "providers = []: expected at least one entry"),
    ],
)
def test_a_list_of_another_length_is_told_which_is_wanted(
    faults: Faults, table: str, line: str, expectation: str
) -> None:
    """A universe of one asset was told "expected at least one entry", three thresholds something about tuples."""
    assert faults(f"[{table}]\n{line}") == [f"config.toml: {table}.{expectation}"]


@pytest.mark.parametrize("written", ["0", "86400", "-1", "2015", "20150102", "2.5", "true", "2015-01-02T00:00:00Z"])
def test_a_number_is_no_day(faults: Faults, written: str) -> None:
    """start = 0 was the first of January 1970, and 2015 was told about datetimes and zero time."""
    (fault,) = faults(f"[cross_asset]\nstart = {written}")
    assert fault.endswith(": expected a date such as 2010-01-04")


ADDRESSES = [
    "http://127.0.0.1:abc",
    "https://example.org:65536",
    "https://example.org:0",
    "https://example.org:-1",
    r"https://example.org\u0000",
    r"https://example.org\nx",
    "https://exa mple.org",
    "https://example%20.org",
    "https://[::1",
    "https://[v1.x]",
    "https://256.1.1.1",
    "https://🙂.example",
    f"https://example.org/{'x' * 70_000}",
    "https://",
    "example.org",
    "ftp://example.org",
]
WITH_ADDRESS = [("providers.coinpaprika", "base_url"), ("providers.ssga", "base_url"), ("object_storage", "endpoint")]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(("table", "key"), WITH_ADDRESS)
def test_an_address_that_nothing_can_be_sent_to_is_refused(faults: Faults, table: str, key: str, address: str) -> None:
    """A port of letters ended the run in a traceback, one of six digits after half a minute of attempts."""
    (fault,) = faults(f'[{table}]\n{key} = "{address}"')
    assert fault.startswith(f"config.toml: {table}.{key} = ")
    assert fault.endswith(
        ": expected an address that begins with http:// or https://, such as https://example.org:8443"
    )


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost:8080/v1",
        "https://a_b.example",
        "http://127.0.0.1",
        "https://[::1]:9",
        "https://zürich.example",
    ],
)
def test_an_address_that_requests_can_be_sent_to_is_taken(load: Load, address: str) -> None:
    assert load(f'[providers.ssga]\nbase_url = "{address}"').providers.ssga.base_url == address
