"""Ingest of exchange volumes, trending coins and reserves."""
