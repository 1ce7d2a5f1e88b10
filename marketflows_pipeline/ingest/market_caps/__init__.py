"""Ingest of market caps: snapshot, backfill, repair."""
