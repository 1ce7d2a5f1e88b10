"""Without the extra ``[s3]`` one line says how to get it, and nothing else needs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.object_storage.objects import open_objects
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.run_context import open_run
from marketflows_pipeline.settings.object_storage import ObjectPlace, ObjectStorage
from marketflows_pipeline.warehouse.published import open_published
from marketflows_pipeline.warehouse.remote import RemoteVersion

PLACE = ObjectPlace("bucket", "published")
PACKAGES = ("obstore", "duckdb_extension_httpfs")


@pytest.fixture(autouse=True)
def without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PACKAGES:
        monkeypatch.setitem(sys.modules, name, None)


def test_objects_say_how_to_get_it() -> None:
    with pytest.raises(UserInputError, match=r'pip install "marketflows-pipeline\[s3\]"'):
        open_objects(PLACE, None, None)


def test_a_reader_is_told(tmp_path: Path) -> None:
    version = RemoteVersion(PLACE, "versions/x", ObjectStorage(), None)
    with pytest.raises(UserInputError, match=r'pip install "marketflows-pipeline\[s3\]"'), open_published(version):
        pass


def test_a_run_that_is_to_upload_does_not_begin(tmp_path: Path) -> None:
    """A warning at the end of each run is read by nobody."""
    (tmp_path / "config.toml").write_text(f'[publish]\nupload = "{PLACE}"\n[providers.coingecko]\nplan = "keyless"\n')
    options = RunOptions(config=tmp_path / "config.toml", secrets=tmp_path / "secrets.toml", out_dir=tmp_path)
    with (
        pytest.raises(UserInputError, match=r"^\[publish\] upload = 's3://bucket/published': expected the packages"),
        open_run(options, run_id="run", environ={}),
    ):
        pass
    assert not (tmp_path / ".marketflows").exists()


@pytest.mark.slow
def test_nothing_else_imports_it() -> None:
    program = (
        "import sys; import marketflows_pipeline.definitions, marketflows_pipeline.cli.sql;"
        f"print([name for name in {PACKAGES!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
