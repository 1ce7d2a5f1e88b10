"""CoinPaprika: client, plans, parsers."""
