"""Ingest: what to request from the services, within the credit budget, and how responses are stored."""
