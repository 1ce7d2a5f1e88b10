"""Real servers of other programs, started by tests and ended with them."""
