"""Objects below one prefix of a bucket: read, written, listed and deleted by obstore, within bounds of time and size.

Nothing that the service says is repeated but for the kind of its refusal: its errors quote what was signed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from importlib import util
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

from marketflows_pipeline.errors import ObjectMissingError, ObjectStorageError, UserInputError
from marketflows_pipeline.settings.object_storage import ObjectKeys, ObjectPlace, ObjectStorage

if TYPE_CHECKING:
    from obstore import Attributes
    from obstore.store import S3Store

_T = TypeVar("_T")

HOW_TO_INSTALL = 'expected the packages for object storage: pip install "marketflows-pipeline[s3]"'
# A request is repeated while the service does not answer, or answers with 5xx, until this is over.
RETRIED_FOR = timedelta(seconds=30)
_MOST_RETRIES = 5
_CONNECT_TIMEOUT, _REQUEST_TIMEOUT = timedelta(seconds=5), timedelta(seconds=60)
# S3 takes a file in at most 10,000 parts, each but the last of at least 5 MiB; four are sent at once.
_MOST_PARTS, _LEAST_PART, _PARTS_AT_ONCE = 9_000, 8 << 20, 4


@dataclass(frozen=True)
class Stored:
    """An object as it is listed: its name below the prefix, bytes, time of writing, and tag of its content.

    The time is that of the service's clock; the tag is the MD5 of the content with most services, but not with all.
    """

    key: str
    size: int
    written_at: datetime
    tag: str


class Objects:
    """The objects below a place; see `open_objects`.

    Every method raises `ObjectStorageError` where the service cannot be asked or refuses, and names the place.
    """

    def __init__(self, place: ObjectPlace, store: S3Store) -> None:
        self.place = place
        self._store = store

    def read(self, key: str, most: int) -> bytes:
        """The content of a small object.

        Raises:
            ObjectMissingError: if there is none.
            ObjectStorageError: if it is larger than ``most`` bytes.
        """
        import obstore  # noqa: PLC0415 (an extra)

        def get() -> bytes:
            found = obstore.get(self._store, key)
            size = found.meta["size"]
            if size > most:
                raise ObjectStorageError(f"{self._url(key)} has {size:,} bytes: expected {most:,} at most")
            return bytes(found.bytes())

        return self._ask("read", key, get)

    def head(self, key: str) -> Stored:
        """An object without its content.

        Raises:
            ObjectMissingError: if there is none.
        """
        import obstore  # noqa: PLC0415 (an extra)

        return _stored(self._ask("read", key, lambda: obstore.head(self._store, key)))

    def listed(self, folder: str) -> list[Stored]:
        """All objects whose names begin with ``folder/``."""
        import obstore  # noqa: PLC0415 (an extra)

        def found() -> list[Stored]:
            return [_stored(each) for batch in obstore.list(self._store, prefix=f"{folder}/") for each in batch]

        return self._ask("list", folder, found)

    def write(self, key: str, content: bytes, kind: str) -> None:
        """Put an object in place, whole, over one that is there.

        Args:
            key: its name.
            content: its bytes.
            kind: the media type, for browsers, which ask for it anew each time.
        """
        import obstore  # noqa: PLC0415 (an extra)

        headers: Attributes = {"Content-Type": kind, "Cache-Control": "no-cache"}
        self._ask("write", key, lambda: obstore.put(self._store, key, content, attributes=headers, use_multipart=False))

    def write_new(self, key: str, file: Path) -> None:
        """Upload a file in parts, as an object that is there only once it is whole.

        Raises:
            ObjectStorageError: if there is an object of that name already.
        """
        import obstore  # noqa: PLC0415 (an extra)

        try:
            self.head(key)
        except ObjectMissingError:
            pass
        else:
            raise ObjectStorageError(f"{self._url(key)} is there already: nothing is written over it")
        part = max(_LEAST_PART, -(-file.stat().st_size // _MOST_PARTS))
        self._ask(
            "write",
            key,
            lambda: obstore.put(
                self._store,
                key,
                file,
                attributes={"Content-Type": "application/vnd.duckdb"},
                use_multipart=True,
                chunk_size=part,
                max_concurrency=_PARTS_AT_ONCE,
            ),
        )

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; one that is gone already is no fault."""
        import obstore  # noqa: PLC0415 (an extra)

        for key in keys:
            self._ask("delete", key, partial(obstore.delete, self._store, key))

    def _url(self, key: str) -> str:
        return f"{self.place}/{key}"

    def _ask(self, verb: str, key: str, call: Callable[[], _T]) -> _T:
        """Call obstore, and turn what it raises into one line; the cause is left out, since it quotes the request."""
        from obstore import exceptions  # noqa: PLC0415 (an extra)

        fault: ObjectStorageError
        try:
            return _interruptible(call)
        except FileNotFoundError:
            fault = ObjectMissingError(f"{self._url(key)} is not there")
        except exceptions.BaseError as error:
            refusals = (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)
            # A deletion is refused within an answer that says 200.
            if isinstance(error, refusals) or "AccessDenied" in str(error):
                fault = ObjectStorageError(f"the object storage does not let this key {verb} {self._url(key)}")
            else:
                reason = _reason(str(error))
                fault = ObjectStorageError(f"the object storage could not {verb} {self._url(key)}: {reason}")
        raise fault from None


def _interruptible(call: Callable[[], _T]) -> _T:
    """Call from a thread that is left alone where a signal ends the wait: obstore itself waits on, for minutes."""
    results: SimpleQueue[tuple[_T | None, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            results.put((call(), None))
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            results.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    result, error = results.get()
    if error is not None:
        raise error
    return cast("_T", result)


def require_package(what: object) -> None:
    """Go on only if the extra ``[s3]`` is installed.

    Args:
        what: needs it, for the message.

    Raises:
        UserInputError: if it is not.
    """
    try:
        found = util.find_spec("obstore")
    except ValueError:
        found = None
    if found is None:
        raise UserInputError(f"{what}: {HOW_TO_INSTALL}")


def open_objects(place: ObjectPlace, storage: ObjectStorage | None, keys: ObjectKeys | None) -> Objects:
    """The objects below a place, without a request.

    Args:
        place: bucket and prefix.
        storage: the service; AWS where None.
        keys: of the service; requests are not signed where None.

    Raises:
        UserInputError: if the extra ``[s3]`` is not installed.
    """
    require_package(place)
    from obstore.store import S3Store  # noqa: PLC0415 (an extra)

    storage = storage or ObjectStorage()
    # Everything is said, so that nothing is taken from an environment that is not meant.
    options: dict[str, Any] = {"skip_signature": True} if keys is None else {"credential_provider": _lender(keys)}
    store = S3Store(
        place.bucket,
        prefix=place.prefix,
        endpoint=_endpoint(place.bucket, storage),
        region=storage.region,
        virtual_hosted_style_request=storage.url_style == "vhost",
        client_options={
            "allow_http": (storage.endpoint or "").lower().startswith("http://"),
            "connect_timeout": _CONNECT_TIMEOUT,
            "timeout": _REQUEST_TIMEOUT,
        },
        retry_config={"max_retries": _MOST_RETRIES, "retry_timeout": RETRIED_FOR},
        **options,
    )
    return Objects(place, store)


def _lender(keys: ObjectKeys) -> Callable[[], dict[str, Any]]:
    """What obstore asks for the keys, whatever the environment says; its repr shows none."""

    def lend() -> dict[str, Any]:
        return {
            "access_key_id": keys.key_id.get_secret_value(),
            "secret_access_key": keys.secret.get_secret_value(),
            "token": None if keys.token is None else keys.token.get_secret_value(),
            "expires_at": None,
        }

    return lend


def _endpoint(bucket: str, storage: ObjectStorage) -> str:
    """The address that requests go to: with the bucket in its host where that is the style."""
    address = storage.endpoint or f"https://s3.{storage.region}.amazonaws.com"
    if storage.url_style == "path":
        return address
    parts = urlsplit(address)
    return parts._replace(netloc=f"{bucket}.{parts.netloc}").geturl()


def _stored(meta: Any) -> Stored:  # noqa: ANN401 (obstore's dictionary)
    return Stored(meta["path"], meta["size"], meta["last_modified"], (meta["e_tag"] or "").strip('"'))


def _reason(text: str) -> str:
    """What went wrong in few words, out of obstore's text: a status, or that nobody answered."""
    for sign, words in (
        ("status code: ", ""),
        ("timed out", "it did not answer in time"),
        ("connect", "it could not be reached"),
        ("sending request", "it could not be reached"),
    ):
        _, found, after = text.partition(sign)
        if found:
            return words or f"it answered with {after[:3]}"
    return "it gave no usable answer"
