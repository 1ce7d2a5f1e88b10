"""Warehouse queries for ingest and assets: functions of a warehouse and settings that return rows."""
