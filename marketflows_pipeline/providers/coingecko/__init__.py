"""CoinGecko: client, plans, parsers."""
