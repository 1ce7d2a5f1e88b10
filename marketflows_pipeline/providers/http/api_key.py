"""The header of an API key: checked before anything is sent, and never shown."""

from __future__ import annotations

from collections.abc import Mapping

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.providers.http.addresses import keeps_secrets


def key_headers(
    header: str | None, api_key: str | None, *, provider: str, address: str, if_missing: str
) -> Mapping[str, str]:
    """The header that carries the key of a plan; none where the plan has no key, even if there is one.

    Args:
        header: name of the header, or None where the plan has no key.
        api_key: as the user wrote it; blanks around it are dropped.
        provider: short name of the service, for messages.
        address: where requests are sent.
        if_missing: the message where there is no key.

    Raises:
        UserInputError: there is no key, or it can't be one; or the way there is not encrypted.
    """
    if header is None:
        return {}
    if not keeps_secrets(address):
        raise UserInputError(f"{provider}: expected https:// in {address}, because the key would travel in the clear")
    key = (api_key or "").strip()
    if not key:
        raise UserInputError(if_missing)
    # A header can't carry it, and the error that says so would show it.
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise UserInputError(f"{provider}: the API key holds characters that no key has; copy it again")
    return {header: key}
