"""Validating a chart's specification once, as a whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from altair.utils import schemapi


@pytest.fixture(scope="package", autouse=True)
def validated_whole() -> Iterator[None]:
    """Altair validates no part while it is put together, as where the package draws.

    `to_dict` still validates all parts together.
    """
    with schemapi.debug_mode(False):
        yield
