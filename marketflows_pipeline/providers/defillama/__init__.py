"""DefiLlama: client, parsers."""
