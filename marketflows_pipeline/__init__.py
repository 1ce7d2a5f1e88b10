"""MarketFlows: what gains and where money moves, in crypto and funds, as a DuckDB warehouse and charts."""
