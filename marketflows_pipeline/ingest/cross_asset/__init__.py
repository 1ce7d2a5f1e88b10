"""Ingest of bars, shares outstanding and volatility indices."""
