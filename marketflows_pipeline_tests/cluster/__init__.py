"""Tests with real servers and real processes."""
