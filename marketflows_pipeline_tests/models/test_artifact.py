from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import pickle
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

from marketflows_pipeline.errors import ModelRefusedError
from marketflows_pipeline.models.artifact import Model, load, newest, read_metadata, save
from marketflows_pipeline.models.dataset import matrix
from marketflows_pipeline.models.panel import FEATURES
from marketflows_pipeline.models.training import train
from marketflows_pipeline.models.walk_forward import WalkForward
from marketflows_pipeline_tests.models.made_up import TRAINED_AT, market

MADE = market(sessions=300, symbols=4, effect=0.5)


@pytest.fixture(scope="module")
def model() -> Model:
    return train(
        MADE.panel, MADE.labels, horizon=1, target="direction", model="logistic", seed=1, trained_at=TRAINED_AT,
        is_synthetic=True, resamples=20, walk=WalkForward(horizon=1, min_train=150, refit_every=100),
    ).model  # fmt: skip


def test_a_stored_model_gives_the_same_probabilities(model: Model, tmp_path: Path) -> None:
    place = save(model, tmp_path)

    loaded = load(place)

    _, x = matrix(MADE.panel, features=FEATURES, symbols=model.metadata.symbols)
    assert place.name == "direction_1_logistic_20261120T223000Z"
    assert sorted(path.name for path in place.iterdir()) == ["estimator.npz", "metadata.json"]
    assert loaded.estimator.probabilities(x).tobytes() == model.estimator.probabilities(x).tobytes()
    assert replace(loaded.metadata, estimator_sha256="") == model.metadata


def test_storing_the_same_model_again_changes_nothing(model: Model, tmp_path: Path) -> None:
    place = save(model, tmp_path)
    before = (place / "estimator.npz").read_bytes()

    save(model, tmp_path)

    assert (place / "estimator.npz").read_bytes() == before


def without(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda fields: fields.pop(name)


def put(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda fields: fields.update({name: value})


OF_THE_WRONG_TYPE: list[tuple[str, object]] = [
    ("versions", []),
    ("versions", {"numpy": 2}),
    ("versions", None),
    ("features", [[]]),
    ("features", [1, "a"]),
    ("features", 5),
    ("kind", []),
    ("kind", "oracle"),
    ("bins", [5]),
    ("bins", [{}]),
    ("bins", None),
    ("estimator_sha256", None),
    ("estimator_sha256", 5),
]

REFUSED: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda fields: fields["features"].remove("cmf_20"), "other features: it lacks cmf_20"),
    (lambda fields: fields["features"].append("astrology"), "has astrology, which this program does not know"),
    (lambda fields: fields.update(features_version=0), "version 0 of the features, this program makes version"),
    (lambda fields: fields["versions"].update({"scikit-learn": "1.2.0"}), "trained with scikit-learn 1.2.0, this"),
    (lambda fields: fields["versions"].update({"numpy": "0.9"}), "trained with numpy 0.9, this program runs"),
    (lambda fields: fields["versions"].update({"python": "3.7.1"}), "trained with python 3.7.1, this program runs"),
    (lambda fields: fields["versions"].pop("numpy"), "trained with numpy unknown"),
    (lambda fields: fields.update(estimator_sha256="0" * 64), "is not the file that was stored"),
    (without("horizon"), "is no metadata of a model"),
    (lambda fields: fields.update(trained_at="yesterday"), "is no metadata of a model"),
    (lambda fields: fields.update(trained_at="2026-11-20T22:30:00"), "is no metadata of a model"),
    *((put(name, value), "is no metadata of a model") for name, value in OF_THE_WRONG_TYPE),
]


@pytest.mark.parametrize(("change", "message"), REFUSED, ids=[message[:30] for _, message in REFUSED])
def test_a_model_that_does_not_fit_is_refused_with_what_differs(
    model: Model, tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    place = save(model, tmp_path)
    fields = json.loads((place / "metadata.json").read_text())
    change(fields)
    (place / "metadata.json").write_text(json.dumps(fields))

    with pytest.raises(ModelRefusedError, match=message) as refused:
        load(place)

    assert "\n" not in str(refused.value)
    assert place.name in str(refused.value)
    assert "Train it again" in str(refused.value)


class Trap:
    """What a file of somebody else could do when it is loaded."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.canary,))


def forge(place: Path, content: bytes, name: str = "estimator.npz") -> None:
    """Put a content in the place of the estimator, with metadata that vouch for it."""
    (place / name).write_bytes(content)
    fields = json.loads((place / "metadata.json").read_text())
    fields["estimator_sha256"] = hashlib.sha256(content).hexdigest()
    (place / "metadata.json").write_text(json.dumps(fields))


def pickled_array(canary: Path) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, slope=np.array([Trap(canary)], dtype=object))
    return buffer.getvalue()


@pytest.mark.parametrize("form", ["pickle", "array of objects"])
def test_a_forged_file_with_matching_metadata_runs_no_code(model: Model, tmp_path: Path, form: str) -> None:
    """Whoever could write both files of a model once ran anything as the user who scored with it."""
    place, canary = save(model, tmp_path), tmp_path / "canary"
    forge(place, pickle.dumps(Trap(canary)) if form == "pickle" else pickled_array(canary))

    with pytest.raises(ModelRefusedError, match=r"estimator\.npz is no logistic model") as refused:
        load(place)

    assert not canary.exists()
    assert "\n" not in str(refused.value)


def npz(*members: tuple[str, bytes]) -> bytes:
    file = io.BytesIO()
    with ZipFile(file, "w") as parts:
        for name, content in members:
            parts.writestr(name, content)
    return file.getvalue()


def npy(header: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()


@pytest.mark.parametrize(
    "member",
    [
        b"hello",
        b"",
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (" + "9" * 4_000 + ",)}"),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (True,)}"),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,"),
        npy("  {'descr'\n\t\n x"),
        npy("{[]: 1, 'shape': ()}"),
    ],
)
def test_a_forged_array_is_refused_in_one_line(model: Model, tmp_path: Path, member: bytes) -> None:
    """Whatever numpy made of a planted file ended a run without a word about which file it was."""
    place = save(model, tmp_path)
    with np.load(place / "estimator.npz") as stored:
        names = sorted(stored.files)
    forge(place, npz(*((f"{name}.npy", member) for name in names)))
    with pytest.raises(ModelRefusedError, match=r"estimator\.npz is no logistic model") as refused:
        load(place)
    assert "\n" not in str(refused.value)


def test_a_damaged_archive_is_refused_in_one_line(model: Model, tmp_path: Path) -> None:
    place = save(model, tmp_path)
    content = (place / "estimator.npz").read_bytes()
    for at in range(0, len(content), 97):
        forge(place, content[:at] + b"\xff\x00\x08" + content[at + 3 :])
        # Where nothing that counts was hit, the model is as it was.
        with contextlib.suppress(ModelRefusedError):
            load(place)


def test_a_model_of_an_earlier_version_is_refused_unread(model: Model, tmp_path: Path) -> None:
    """Earlier versions stored a pickle."""
    place, canary = save(model, tmp_path), tmp_path / "canary"
    (place / "estimator.npz").unlink()
    forge(place, pickle.dumps(Trap(canary)), "estimator.joblib")

    with pytest.raises(ModelRefusedError, match=r"the form of an earlier version.*marketflows train"):
        load(place)

    assert not canary.exists()


def test_a_file_cut_short_is_refused(model: Model, tmp_path: Path) -> None:
    place = save(model, tmp_path)
    content = (place / "estimator.npz").read_bytes()
    (place / "estimator.npz").write_bytes(content[: len(content) // 2])

    with pytest.raises(ModelRefusedError, match="is not the file that was stored"):
        load(place)


@pytest.mark.parametrize("name", ["estimator.npz", "metadata.json"])
def test_a_missing_file_is_named(model: Model, tmp_path: Path, name: str) -> None:
    place = save(model, tmp_path)
    (place / name).unlink()

    with pytest.raises(ModelRefusedError, match=f"{name} cannot be read"):
        load(place)


def test_the_newest_model_of_a_target_and_horizon(model: Model, tmp_path: Path) -> None:
    def stored(hours: int, **changes: Any) -> Path:
        facts = replace(model.metadata, trained_at=TRAINED_AT + timedelta(hours=hours), **changes)
        name = f"{facts.target}_{facts.horizon}_{facts.kind}_{hours}"
        return save(replace(model, metadata=replace(facts, model_id=name)), tmp_path)

    first, trees, _ = stored(1), stored(2, kind="gradient_boosting"), stored(3, horizon=20)
    stored(4, target="rank")

    assert newest(tmp_path, target="direction", horizon=1) == trees
    assert newest(tmp_path, target="direction", horizon=1, kind="logistic") == first
    assert newest(tmp_path, target="rank", horizon=20) is None
    assert newest(tmp_path / "nowhere", target="rank", horizon=20) is None


@pytest.mark.parametrize("name", ["estimator.npz", "metadata.json"])
def test_what_is_no_plain_file_is_refused_and_not_waited_for(model: Model, tmp_path: Path, name: str) -> None:
    """A FIFO in the place of a file holds whoever opens it until somebody writes."""
    place = save(model, tmp_path)
    (place / name).unlink()
    os.mkfifo(place / name)

    with pytest.raises(ModelRefusedError, match=f"{name} cannot be read"):
        load(place)


def test_a_model_is_for_its_user_alone(model: Model, tmp_path: Path) -> None:
    place = save(model, tmp_path / "models")
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (place.parent, place, *place.iterdir())}
    assert modes == {path: 0o700 if path.is_dir() else 0o600 for path in modes}


def test_metadata_is_read_without_loading_the_estimator(model: Model, tmp_path: Path) -> None:
    place = save(model, tmp_path)
    (place / "estimator.npz").write_bytes(b"")

    facts = read_metadata(place)

    assert facts.bins == model.metadata.bins
    assert np.isinf(facts.bins[-1].upper)
