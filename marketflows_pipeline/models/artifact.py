"""A trained model as a folder: the fitted estimator, and beside it what it was made of and from.

The estimator's file holds numbers alone (`parameters`), so that loading one runs no code, whoever wrote it. Its
SHA-256 stands in the metadata beside it, which keeps out files that are damaged, half written or mixed up.
"""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import sklearn

from marketflows_pipeline.errors import ModelRefusedError
from marketflows_pipeline.models.estimators import Calibrated, Kind
from marketflows_pipeline.models.evaluation import Bin
from marketflows_pipeline.models.labels import Target
from marketflows_pipeline.models.panel import FEATURES, FEATURES_VERSION
from marketflows_pipeline.models.parameters import MOST_BYTES, packed, unpacked
from marketflows_pipeline.models.verdicts import Worth
from marketflows_pipeline.system.safe_files import clear_drafts, private_folder, read_plain, write_whole

_ESTIMATOR, _METADATA = "estimator.npz", "metadata.json"
_MOST_METADATA_BYTES = 1 << 20
# A pickle, which earlier versions stored.
_OLD_ESTIMATOR = "estimator.joblib"


@dataclass(frozen=True)
class Metadata:
    """What a model was made of and from.

    The sessions and ``rows`` are those labelled, which the final model was made from; symbols and features stand in the
    order of its columns. ``features_version`` says what the features meant, ``features_sha256`` is the fingerprint of
    the rows. This configuration is one of ``configurations_tried`` on this data. ``base_rates`` are the target's
    frequency for each asset in training; ``brier_skill``, against the base rate, and ``bins``, the reliability table,
    are out of sample. ``worth`` is None where an earlier version judged the model by fewer figures;
    ``estimator_sha256`` is empty before the estimator is stored.
    """

    model_id: str
    target: Target
    horizon: int
    kind: Kind
    seed: int
    trained_at: datetime
    is_synthetic: bool
    first_session: date
    last_session: date
    rows: int
    symbols: tuple[str, ...]
    features: tuple[str, ...]
    features_version: int
    features_sha256: str
    versions: dict[str, str]
    walk_forward: dict[str, int]
    configurations_tried: int
    test_rows: int
    base_rates: dict[str, float]
    brier_skill: float
    bins: tuple[Bin, ...]
    worth: Worth | None = None
    estimator_sha256: str = ""


@dataclass(frozen=True)
class Model:
    """A calibrated estimator with its metadata."""

    estimator: Calibrated
    metadata: Metadata


def library_versions() -> dict[str, str]:
    """Versions of what a stored estimator depends on."""
    return {
        "python": platform.python_version(),
        "scikit-learn": sklearn.__version__,
        "numpy": np.__version__,
        "polars": pl.__version__,
    }


def save(model: Model, folder: Path) -> Path:
    """Store a model in a folder of its own, named by its id, the metadata last.

    Returns:
        The model's folder.
    """
    place = folder / model.metadata.model_id
    for each in (folder, place):
        private_folder(each)
    clear_drafts(place)
    content = packed(model.estimator)
    metadata = replace(model.metadata, estimator_sha256=hashlib.sha256(content).hexdigest())
    for name, written in ((_ESTIMATOR, content), (_METADATA, _to_json(metadata).encode())):
        write_whole(place / name, written, private=True)
    return place


def load(place: Path) -> Model:
    """A stored model, if this program can score with it.

    Raises:
        ModelRefusedError: naming what differs: no or unreadable metadata, other features, another version of
            scikit-learn, of Python or of numpy's first number, another content than stored, or not a model's.
    """
    metadata = read_metadata(place)
    _refuse_what_differs(metadata)
    if (place / _OLD_ESTIMATOR).exists() and not (place / _ESTIMATOR).exists():
        raise _refused(
            metadata.model_id, f"{place / _OLD_ESTIMATOR} has the form of an earlier version of this program"
        )
    try:
        content = read_plain(place / _ESTIMATOR, most=MOST_BYTES + 1)
    except OSError as error:
        raise _refused(metadata.model_id, f"{place / _ESTIMATOR} cannot be read ({error.strerror})") from error
    found = hashlib.sha256(content).hexdigest()
    if found != metadata.estimator_sha256:
        raise _refused(
            metadata.model_id,
            f"{place / _ESTIMATOR} is not the file that was stored (SHA-256 {found[:12]}…, "
            f"not {metadata.estimator_sha256[:12]}…)",
        )
    try:
        estimator = unpacked(content, metadata.kind, len(metadata.features) + len(metadata.symbols))
    except (ValueError, KeyError) as error:
        raise _refused(metadata.model_id, f"{place / _ESTIMATOR} is no {metadata.kind} model ({error})") from error
    return Model(estimator, metadata)


def read_metadata(place: Path) -> Metadata:
    """What stands beside a stored estimator, without loading it.

    Raises:
        ModelRefusedError: if it is missing or unreadable.
    """
    try:
        return _from_json(read_plain(place / _METADATA, most=_MOST_METADATA_BYTES).decode())
    except OSError as error:
        raise _refused(place.name, f"{place / _METADATA} cannot be read ({error.strerror})") from error
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, msgspec.MsgspecError) as error:
        raise _refused(place.name, f"{place / _METADATA} is no metadata of a model ({error})") from error


def newest(folder: Path, *, target: Target, horizon: int, kind: Kind | None = None) -> Path | None:
    """The folder of the model trained last for a target and horizon; None where there is none."""
    found = [
        (metadata.trained_at, place)
        for place in sorted(folder.glob(f"{target}_{horizon}_*"))
        if (place / _METADATA).is_file()
        and (metadata := read_metadata(place)).target == target
        and metadata.horizon == horizon
        and kind in {None, metadata.kind}
    ]
    return max(found)[1] if found else None


def _refuse_what_differs(metadata: Metadata) -> None:
    known, trained_on = set(FEATURES), set(metadata.features)
    if known != trained_on:
        lacking, unknown = sorted(known - trained_on), sorted(trained_on - known)
        parts = [f"lacks {', '.join(lacking)}"] if lacking else []
        parts += [f"has {', '.join(unknown)}, which this program does not know"] if unknown else []
        raise _refused(metadata.model_id, f"it was trained on other features: it {' and '.join(parts)}")
    if metadata.features_version != FEATURES_VERSION:
        raise _refused(
            metadata.model_id,
            f"it was trained on version {metadata.features_version} of the features, this program makes version "
            f"{FEATURES_VERSION}",
        )
    # A change of these may change what was fitted, so that it would be scored with what it was not judged with.
    for library, numbers in (("scikit-learn", 3), ("numpy", 1), ("python", 2)):
        theirs, ours = metadata.versions.get(library, "unknown"), library_versions()[library]
        if theirs.split(".")[:numbers] != ours.split(".")[:numbers]:
            raise _refused(metadata.model_id, f"it was trained with {library} {theirs}, this program runs {ours}")


def _refused(model_id: str, why: str) -> ModelRefusedError:
    return ModelRefusedError(f"Model {model_id} is refused: {why}. Train it again (marketflows train).")


def _to_json(metadata: Metadata) -> str:
    def plain(value: object) -> str:
        if isinstance(value, date):
            return value.isoformat()
        raise TypeError(type(value).__name__)

    fields = asdict(metadata)
    # JSON knows no infinity; the last bin has no upper edge.
    fields["bins"] = [each | {"upper": None if np.isinf(each["upper"]) else each["upper"]} for each in fields["bins"]]
    return json.dumps(fields, indent=2, default=plain) + "\n"


def _from_json(text: str) -> Metadata:
    fields: dict[str, Any] = json.loads(text)
    fields["bins"] = [each | {"upper": np.inf if each["upper"] is None else each["upper"]} for each in fields["bins"]]
    metadata = msgspec.convert(fields, Metadata)
    if metadata.trained_at.tzinfo is None:
        raise ValueError("trained_at has no offset from UTC")
    return metadata
