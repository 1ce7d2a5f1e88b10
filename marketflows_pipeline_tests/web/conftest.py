"""One page for all that is sent: starting it takes seconds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from marketflows_pipeline_tests.web.serving import Page, serving


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Dagster's page of an instance without pipelines, as the package serves it."""
    home = tmp_path_factory.mktemp("dagster_home")
    (home / "planted.toml").write_text("secret")
    with serving(["marketflows_pipeline.web.server", "--empty-workspace"], home, DAGSTER_HOME=str(home)) as page:
        yield page
