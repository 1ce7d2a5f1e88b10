"""New settings files: loaded beside the place where they belong, and put there only once they are valid."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.settings.loading import load_settings
from marketflows_pipeline.settings.models import Settings
from marketflows_pipeline.system.safe_files import drafted


@dataclass(frozen=True)
class Draft:
    """Settings that are valid and not in their place yet.

    Attributes:
        settings: as loaded.
        moves: drafts and the places that they are for.
    """

    settings: Settings
    moves: tuple[tuple[Path, Path], ...]

    def put_in_place(self) -> None:
        """Rename each file onto its place."""
        for draft, place in self.moves:
            draft.replace(place)


@contextlib.contextmanager
def drafted_settings(
    config: Path, secrets: Path, config_text: str, secrets_text: str | None, environ: Mapping[str, str]
) -> Iterator[Draft]:
    """Settings of a new config.toml, and of a new secrets.toml where there is one; nothing of a draft stays.

    A file with keys is for its user alone from the moment at which it is made.

    Args:
        config: where the config file belongs.
        secrets: where the secrets file belongs, or is.
        config_text: content of the config file.
        secrets_text: content of the secrets file; None where it stays as it is, or away.
        environ: environment variables.

    Raises:
        UserInputError: the settings are not valid; its lines name the files by their places.
    """
    with contextlib.ExitStack() as stack:

        def draft(place: Path, text: str, *, private: bool) -> Path:
            made = stack.enter_context(drafted(place, text.encode(), private=private))
            stack.callback(made.unlink, missing_ok=True)
            return made

        # The secrets come first: settings that need a key are of no use without it.
        moves = [] if secrets_text is None else [(draft(secrets, secrets_text, private=True), secrets)]
        moves.append((draft(config, config_text, private=False), config))
        try:
            settings = load_settings(moves[-1][0], moves[0][0] if secrets_text is not None else secrets, environ)
        except UserInputError as error:
            words = str(error)
            for made, place in moves:
                words = words.replace(str(made), str(place))
            raise UserInputError(words) from None
        yield Draft(settings.model_copy(update={"file": config}), tuple(moves))
