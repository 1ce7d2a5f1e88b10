"""Yahoo charts: client, parsers of bars and corporate actions."""
