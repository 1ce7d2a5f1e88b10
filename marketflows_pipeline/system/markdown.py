"""Text in Markdown that shows as it is."""

from __future__ import annotations

import re

from marketflows_pipeline.system.printable import escaped

# Any punctuation may stand behind a backslash; a dot only matters in an address, which becomes a link by itself.
_MARKUP = re.compile(r"[\\`*{}\[\]<>#+!|~&:@]|(?<=www)\.|(?<![^\W_])_|_(?![^\W_])", re.IGNORECASE)


def plain_markdown(text: str) -> str:
    """A text as Markdown that shows just that text: no HTML, link, picture, or further cell comes of it."""
    return _MARKUP.sub(r"\\\g<0>", escaped(text))
