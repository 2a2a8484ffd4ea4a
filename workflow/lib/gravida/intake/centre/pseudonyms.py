"""Pseudonyms by keyed hash: the key stays at the centre, without it none leads back to a woman."""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gravida.errors import ConfigurationError
from gravida.intake.reading.text import UNREADABLE_CELL, Text

KEY_BYTES = 32
# Each kind of identifier has its letter, so that the two pseudonyms of one record number cannot be matched.
KINDS = {"pregnancy_id": "p", "woman_id": "w"}
PSEUDONYM = re.compile("[pw][a-z2-7]{16}")
_SIGNS = 16


def new_key() -> str:
    """Return a new key, as the text of the file that keeps it: 32 random bytes in base64."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode("ascii") + "\n"


def read_key(text: str) -> bytes:
    """Return the key that a file holds.

    Raises
    ------
    ConfigurationError
        If it is not the base64 text of 32 bytes, or all of them are the same.
    """
    try:
        key = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES or len(set(key)) == 1:
        raise ConfigurationError(
            f"the key of the pseudonyms is not {KEY_BYTES} random bytes in base64: take the key file as it "
            "was made; if it is lost, make a new one and submit all pregnancies anew"
        )
    return key


def pseudonym(column: str, identifier: str, key: bytes) -> str:
    """Return the pseudonym of one identifier.

    Parameters
    ----------
    column : str
        `pregnancy_id` or `woman_id`.
    identifier : str
        As `normalised` returns it.
    key : bytes
        As `read_key` returns it.

    Returns
    -------
    str
        The letter of its kind and 80 bits of HMAC-SHA256 (RFC 2104) in base32, in lower case.
    """
    message = f"{column}\0{identifier}".encode()
    digest = hmac.digest(key, message, hashlib.sha256)
    return KINDS[column] + base64.b32encode(digest).decode("ascii")[:_SIGNS].lower()


def normalised(identifier: str) -> str:
    """Return an identifier in Unicode's composed compatibility form without blanks around it; case counts."""
    return unicodedata.normalize("NFKC", identifier).strip()


def pseudonymise(texts: Mapping[str, Text], key: bytes) -> dict[str, Text]:
    """Replace pregnancy_id and woman_id in every table; the same identifier becomes the same pseudonym.

    An empty cell stays empty and an unreadable one unreadable.

    Raises
    ------
    ConfigurationError
        If two identifiers would have the same pseudonym.
    """
    known: dict[str, tuple[str, str]] = {}
    return {table: _replaced(text, key, known) for table, text in texts.items()}


def distinct_cells(column: pa.ChunkedArray) -> tuple[list[str], np.ndarray]:
    """Return the different cells of a column, and for each row the place of its own among them."""
    words = pc.unique(column)
    places = pc.index_in(column, value_set=words)
    return words.to_pylist(), places.to_numpy().astype(np.int64)


def _replaced(text: Text, key: bytes, known: dict[str, tuple[str, str]]) -> Text:
    columns = tuple(
        _pseudonyms(name, cells, key, known) if name in KINDS else cells
        for name, cells in zip(text.names, text.columns, strict=True)
    )
    return replace(text, columns=columns)


def _pseudonyms(
    column: str, cells: pa.ChunkedArray, key: bytes, known: dict[str, tuple[str, str]]
) -> pa.ChunkedArray:
    words, places = distinct_cells(cells)
    new = [_known_pseudonym(column, word, key, known) for word in words]
    return pa.chunked_array([pa.array(new, pa.string()).take(pa.array(places))], type=pa.string())


def _known_pseudonym(column: str, word: str, key: bytes, known: dict[str, tuple[str, str]]) -> str:
    identifier = normalised(word)
    if not identifier or UNREADABLE_CELL in identifier:
        return UNREADABLE_CELL if identifier else ""
    made = pseudonym(column, identifier, key)
    if known.setdefault(made, (column, identifier)) != (column, identifier):
        raise ConfigurationError(
            f"two different {column}s would have the same pseudonym: make a new key and submit all "
            "pregnancies anew"
        )
    return made
