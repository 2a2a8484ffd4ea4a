"""A zip archive in memory, judged by what it declares before anything of it is unpacked."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gravida.intake.reading.file_checks import MOST_UNPACKED

_MOST_MEMBERS = 1_000
_MOST_RATIO, _FREE_BYTES = 100, 1_000_000
_CHUNK = 1 << 18
_ENTRY, _HEADER = b"PK\x01\x02", b"PK\x03\x04"
# The header before the bytes of a member ends with the lengths of its name and of further fields.
_LENGTHS = struct.Struct("<4s22x2H")
_ENCRYPTED = 1
_DAMAGED = (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, ValueError, struct.error)


class BadArchive(Exception):
    """The bytes are no sound archive."""


class LargeArchive(Exception):
    """The archive unpacks to more than anybody reads."""


@dataclass(frozen=True, slots=True)
class Archive:
    """The bytes of an archive and its members by name."""

    content: bytes
    members: Mapping[str, zipfile.ZipInfo]

    def chunks(self, name: str) -> Iterator[bytes]:
        """Unpack a member, piece by piece, and stop where it holds more than it declares.

        Raises
        ------
        BadArchive
            If there is no such member, or its bytes are not those that the archive declares.
        """
        member = self.members.get(name)
        if member is None:
            raise BadArchive
        start = member.header_offset
        try:
            mark, *lengths = _LENGTHS.unpack_from(self.content, start)
        except struct.error:
            raise BadArchive from None
        start += _LENGTHS.size + sum(lengths)
        packed = memoryview(self.content)[start : start + member.compress_size]
        if mark != _HEADER or len(packed) < member.compress_size:
            raise BadArchive
        size = check = 0
        for chunk in _inflate(packed) if member.compress_type == zipfile.ZIP_DEFLATED else _slices(packed):
            size, check = size + len(chunk), zlib.crc32(chunk, check)
            if size > member.file_size:
                raise BadArchive
            yield chunk
        if size != member.file_size or check != member.CRC:
            raise BadArchive


def open_archive(content: bytes) -> Archive:
    """Read the directory of an archive.

    Raises
    ------
    BadArchive
        If it is none, or holds members that are encrypted, packed otherwise than by deflation, or of one
        name.
    LargeArchive
        If it declares too many members, or more bytes than `MOST_UNPACKED` or than deflation makes of text.
    """
    # The directory is counted before it is read, for it is read whole.
    if content.count(_ENTRY) > _MOST_MEMBERS:
        raise LargeArchive
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
    except _DAMAGED:
        raise BadArchive from None
    named = {member.filename: member for member in members}
    methods = {member.compress_type for member in members}
    if len(named) < len(members) or not methods <= {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise BadArchive
    if any(member.flag_bits & _ENCRYPTED or member.header_offset < 0 for member in members):
        raise BadArchive
    swollen = any(member.file_size > _MOST_RATIO * member.compress_size + _FREE_BYTES for member in members)
    if swollen or sum(member.file_size for member in members) > MOST_UNPACKED:
        raise LargeArchive
    return Archive(content, named)


def _slices(packed: memoryview) -> Iterator[bytes]:
    for start in range(0, len(packed), _CHUNK):
        yield bytes(packed[start : start + _CHUNK])


def _inflate(packed: memoryview) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    for piece in _slices(packed):
        rest = piece
        while rest and not unpacker.eof:
            try:
                yield unpacker.decompress(rest, _CHUNK)
            except zlib.error:
                raise BadArchive from None
            rest = unpacker.unconsumed_tail
    # What the unpacker still holds back is but the rest of one piece.
    yield unpacker.flush()
