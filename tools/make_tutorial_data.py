"""Write the figures that the tutorial runs on into ``marketflows_pipeline/tutorial/``.

Usage::

    python tools/make_tutorial_data.py FOLDER          repackage figures that were fetched from CoinGecko
    python tools/make_tutorial_data.py --synthetic     make up figures of the same shape instead

FOLDER holds ``coingecko_market_caps.csv`` (timestamps in ms, market_caps, asset) and ``assets.json`` (symbols by coin,
coins by narrative). Either way the same files come out; run ``tools/golden.py`` and ``make test`` afterwards.
docs/decisions/0002-tutorial-data.md says why there are two.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import random
import sys
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

TUTORIAL = Path(__file__).resolve().parent.parent / "marketflows_pipeline" / "tutorial"
DAY_MS = 86_400_000
LAST_MIDNIGHT_MS = 1_772_582_400_000  # 2026-03-04 00:00 UTC
N_MIDNIGHTS = 91

NAMES = {
    "binancecoin": "BNB",
    "bitcoin": "Bitcoin",
    "bitcoin-cash": "Bitcoin Cash",
    "cardano": "Cardano",
    "chainlink": "Chainlink",
    "ethereum": "Ethereum",
    "figure-heloc": "Figure Heloc",
    "hedera-hashgraph": "Hedera",
    "hyperliquid": "Hyperliquid",
    "litecoin": "Litecoin",
    "monero": "Monero",
    "paypal-usd": "PayPal USD",
    "ripple": "XRP",
    "solana": "Solana",
    "stellar": "Stellar",
    "tron": "TRON",
    "usd-coin": "USDC",
}
SYMBOLS = {
    "binancecoin": "bnb",
    "bitcoin": "btc",
    "bitcoin-cash": "bch",
    "cardano": "ada",
    "chainlink": "link",
    "ethereum": "eth",
    "figure-heloc": "figr_heloc",
    "hedera-hashgraph": "hbar",
    "hyperliquid": "hype",
    "litecoin": "ltc",
    "monero": "xmr",
    "paypal-usd": "pyusd",
    "ripple": "xrp",
    "solana": "sol",
    "stellar": "xlm",
    "tron": "trx",
    "usd-coin": "usdc",
}
NARRATIVES: dict[str, tuple[str, ...]] = {
    "layer-1": (
        "binancecoin",
        "bitcoin",
        "bitcoin-cash",
        "cardano",
        "ethereum",
        "hyperliquid",
        "monero",
        "ripple",
        "solana",
        "tron",
    ),
    "made-in-usa": (
        "cardano",
        "chainlink",
        "figure-heloc",
        "hedera-hashgraph",
        "litecoin",
        "paypal-usd",
        "ripple",
        "solana",
        "stellar",
        "usd-coin",
    ),
}
# Round numbers near which the made-up coins start, spread so that the tutorial's limits part them.
STARTS_USD = {
    "bitcoin": 1.8e12,
    "ethereum": 3.8e11,
    "ripple": 1.2e11,
    "binancecoin": 1.1e11,
    "solana": 7e10,
    "usd-coin": 7e10,
    "tron": 2.6e10,
    "figure-heloc": 1.4e10,
    "cardano": 1.3e10,
    "bitcoin-cash": 1.1e10,
    "chainlink": 9e9,
    "hyperliquid": 9e9,
    "stellar": 8e9,
    "monero": 7e9,
    "hedera-hashgraph": 6e9,
    "litecoin": 6e9,
    "paypal-usd": 3.8e9,
}
STEADY = frozenset({"usd-coin", "paypal-usd", "figure-heloc"})

REAL_README = """\
# The tutorial's figures

Data provided by [CoinGecko](https://www.coingecko.com).

`market_caps.parquet` holds the daily market caps in USD of 17 coins, from 4 December 2025 to 4 March 2026: the value
at each midnight UTC, and one last value of the moment at which it was asked for. `coins.csv` gives symbols and names,
`narrative_members.csv` the ten largest coins of two of CoinGecko's categories at that time.

They are here so that the program can be tried, and its results checked, without a key and without a network. They are
not a data feed: for anything else ask the service, whose terms hold.

`config.toml` is what the tutorial runs with. `golden.*.parquet` is the result to expect, computed by
`tools/golden.py`, which shares no code with the program. `expected_marketflows.log` is the log to expect.
"""
SYNTHETIC_README = """\
# The tutorial's figures

These figures are made up. `tools/make_tutorial_data.py --synthetic` drew them from a seeded random walk; they have the
shape of real ones (17 coins, 91 midnights UTC up to 4 March 2026 and one later moment), and no other likeness.

`config.toml` is what the tutorial runs with. `golden.*.parquet` is the result to expect, computed by
`tools/golden.py`, which shares no code with the program. `expected_marketflows.log` is the log to expect.
"""


@dataclass(frozen=True)
class Figures:
    """Everything that is packaged.

    Attributes:
        caps: coin id to (ms since 1970, market cap in USD) in order of time.
        symbols: coin id to ticker.
        narratives: category slug to coin ids.
        credit: where the figures come from; kept in the file's metadata and shown in every picture.
        readme: text beside the files.
    """

    caps: dict[str, list[tuple[int, float]]]
    symbols: dict[str, str]
    narratives: dict[str, tuple[str, ...]]
    credit: str
    readme: str


def read_source(folder: Path) -> Figures:
    """Figures as they were fetched."""
    caps: dict[str, list[tuple[int, float]]] = {}
    with (folder / "coingecko_market_caps.csv").open(encoding="utf-8", newline="") as source:
        for row in csv.DictReader(source):
            caps.setdefault(row["asset"], []).append((int(row["timestamps"]), float(row["market_caps"])))
    assets = json.loads((folder / "assets.json").read_text(encoding="utf-8"))
    return Figures(
        caps={coin: sorted(points) for coin, points in caps.items()},
        symbols=assets["symbols"],
        narratives={slug: tuple(coins) for slug, coins in assets["narrative_assets"].items()},
        credit="Data provided by CoinGecko",
        readme=REAL_README,
    )


def make_up(seed: int) -> Figures:
    """Figures of the same shape from a seeded random walk: a market that all coins share, and a path of each one's."""
    chance = random.Random(seed)  # noqa: S311
    market = [chance.gauss(-0.002, 0.015) for _ in range(N_MIDNIGHTS)]
    caps = {}
    for coin, start in sorted(STARTS_USD.items()):
        own = 0.002 if coin in STEADY else 0.02
        level = math.log(start)
        points = []
        for day, shared in enumerate(market):
            points.append((LAST_MIDNIGHT_MS - (N_MIDNIGHTS - 1 - day) * DAY_MS, round(math.exp(level), 4)))
            level += (0 if coin in STEADY else shared) + chance.gauss(0, own)
        now_ms = LAST_MIDNIGHT_MS + 40_446_000 + 1000 * chance.randrange(11)
        caps[coin] = [*points, (now_ms, round(math.exp(level), 4))]
    return Figures(
        caps=caps, symbols=SYMBOLS, narratives=NARRATIVES, credit=f"Made-up data, seed {seed}", readme=SYNTHETIC_README
    )


def write(figures: Figures, folder: Path) -> None:
    """Write the package's files, the same bytes for the same figures."""
    rows = [(coin, ms, cap) for coin, points in sorted(figures.caps.items()) for ms, cap in points]
    coins, times, values = zip(*rows, strict=True)
    table = pa.table(
        {
            "coin_id": pa.array(coins, pa.string()),
            "ts": pa.array(times, pa.timestamp("ms", tz="UTC")),
            "market_cap_usd": pa.array(values, pa.float64()),
        }
    ).replace_schema_metadata({"source": figures.credit})
    pq.write_table(table, folder / "market_caps.parquet", compression="zstd", use_dictionary=["coin_id", "ts"])
    with (folder / "coins.csv").open("w", encoding="utf-8", newline="") as target:
        lines = csv.writer(target, lineterminator="\n")
        lines.writerow(("coin_id", "symbol", "name"))
        lines.writerows((coin, figures.symbols[coin], NAMES[coin]) for coin in sorted(figures.caps))
    with (folder / "narrative_members.csv").open("w", encoding="utf-8", newline="") as target:
        lines = csv.writer(target, lineterminator="\n")
        lines.writerow(("narrative", "coin_id"))
        lines.writerows((slug, coin) for slug, coins in sorted(figures.narratives.items()) for coin in coins)
    (folder / "README.md").write_text(figures.readme, encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Read or make up the figures, and write them."""
    parser = argparse.ArgumentParser(description="Write the tutorial's figures.")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("folder", nargs="?", type=Path, help="folder with figures fetched from CoinGecko")
    source.add_argument("--synthetic", action="store_true", help="make them up")
    parser.add_argument("--seed", type=int, default=1, help="of the made-up figures (default 1)")
    parser.add_argument("--out", type=Path, default=TUTORIAL, help="folder to write to (default: the package's)")
    given = parser.parse_args(arguments)
    write(make_up(given.seed) if given.synthetic else read_source(given.folder), given.out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
