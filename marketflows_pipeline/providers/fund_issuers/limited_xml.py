"""XML of strangers, read event by event in bounded memory: no tree is built, and nothing in it may be of any size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol
from xml.etree.ElementTree import ParseError as XmlSyntaxError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import XMLParser

from marketflows_pipeline.providers.http.responses import ParseError

PIECE_BYTES = 1 << 16
MAX_DEPTH = 64
# A tag with its attributes, a comment or an instruction; it is in memory as a whole, several times over.
MAX_TOKEN_BYTES = 1 << 20


class Reader(Protocol):
    """Told of a document's elements in their order; names are without their namespace."""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        ...

    def end(self, name: str) -> None:
        """An element ends."""
        ...

    def text(self, text: str) -> None:
        """Some of the text of the innermost element."""
        ...


def read_xml(pieces: Iterable[bytes], reader: Reader, what: str) -> None:
    """Tell a reader of all elements of a document, which messages call `what`.

    Raises:
        ParseError: it declares a document type, is not well-formed, or is nested or has a tag beyond measure.
    """
    events = _Events(reader)
    parser = XMLParser(target=events, forbid_dtd=True)
    waiting = 0
    try:
        for piece in pieces:
            for at in range(0, len(piece), PIECE_BYTES):
                seen = events.count
                part = piece[at : at + PIECE_BYTES]
                parser.feed(part)
                waiting = waiting + len(part) if events.count == seen else 0
                if waiting > MAX_TOKEN_BYTES:
                    raise ParseError(f"{what} has a tag of more than {MAX_TOKEN_BYTES:,} bytes")
        parser.close()
    except DefusedXmlException as attack:
        raise ParseError(f"{what} declares a document type or entities of its own, which is refused") from attack
    except ParseError:
        raise
    except (XmlSyntaxError, ValueError) as error:
        raise ParseError(f"{what} is not well-formed XML: {error}") from error


class _Events:
    """The target of a parser, which passes on what it is told."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._depth = 0
        self.count = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.count += 1
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ParseError(f"XML nested more than {MAX_DEPTH} deep")
        self._reader.start(_local(tag), {_local(name): value for name, value in attributes.items()})

    def end(self, tag: str) -> None:
        self.count += 1
        self._depth -= 1
        self._reader.end(_local(tag))

    def data(self, text: str) -> None:
        self.count += 1
        self._reader.text(text)

    def close(self) -> None:
        """The document is read."""


def _local(name: str) -> str:
    return name.rpartition("}")[2]
