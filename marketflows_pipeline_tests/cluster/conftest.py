"""The servers of these tests; each is skipped by name where the server or a package is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketflows_pipeline_tests.services.postgres import postgres, postgres_server

__all__ = ["postgres", "postgres_server"]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder; `make test-cluster` runs it, in a limit of time of its own."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.cluster)
