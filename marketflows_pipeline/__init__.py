"""MarketFlows: where capital moves in crypto, as a DuckDB warehouse with charts and gain tables."""
