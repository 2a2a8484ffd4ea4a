"""The encoding of a text file, established for the whole file or declared, and the file in UTF-8."""

import codecs

from gravida.intake.reading.file_checks import Asked

# What a site may declare.
ENCODINGS = ("utf-8", "utf-16", "cp1250", "cp1252", "iso8859-1", "iso8859-2", "iso8859-15")
UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_UTF32_MARK = b"\xff\xfe\0\0"
_FIRST_BYTES = 4096

# The letters of languages that are written in each code page of Windows. Letters that both pages have at the
# same place decide nothing, but for š and ž, which are rare in languages with an è where others have č.
_ALPHABETS = {
    "cp1250": (
        "čšžćđ",
        "áčďéěíňóřšťúůýž",
        "áäčďéíĺľňóôŕšťúýž",
        "ąćęłńóśźż",
        "áéíóöőúüű",
    ),
    "cp1252": (
        "äöüß",
        "àâæçèéêëîïôœùûüÿ",
        "àèéìîòóù",
        "áéíñóúüºª¿¡",
        "àáâãçéêíóôõúüºª",
        "àáäèéêëïíöóüú",
        "åäöé",
        "æøåéôóòâê",
        "áðéíóúýþæö",
    ),
}


def to_utf8(asked: Asked, content: bytes) -> bytes:
    """Return a text file in UTF-8 without a mark.

    Raises
    ------
    Unreadable
        With the check `encoding`; with `csv_structure` where the bytes are no text at all.
    """
    if asked.encoding is not None:
        return _declared(asked, content)
    if content.startswith(UTF8_MARK):
        content = content.removeprefix(UTF8_MARK)
    elif content.startswith(_UTF32_MARK):
        raise asked.unreadable("encoding")
    elif content.startswith(_UTF16_MARKS):
        return _decoded(asked, content, "utf-16")
    else:
        side = _utf16_side(content)
        if side:
            return _decoded(asked, content, side)
    if _is_utf8(content):
        return content
    if b"\0" in content:
        raise asked.unreadable("csv_structure")
    return _decoded(asked, content, _code_page(asked, content))


def _declared(asked: Asked, content: bytes) -> bytes:
    try:
        name = codecs.lookup(asked.encoding).name
    except LookupError:
        name = ""
    if name not in ENCODINGS:
        raise asked.unreadable("encoding")
    return _decoded(asked, content, "utf-8-sig" if name == "utf-8" else name)


def _decoded(asked: Asked, content: bytes, encoding: str) -> bytes:
    try:
        return content.decode(encoding).encode("utf-8").removeprefix(UTF8_MARK)
    except UnicodeError:
        raise asked.unreadable("encoding") from None


def _is_utf8(content: bytes) -> bool:
    try:
        str(memoryview(content), "utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _utf16_side(content: bytes) -> str:
    """Name UTF-16 without a mark: ASCII in it has a NUL in every second byte, all on the same side."""
    first = content[:_FIRST_BYTES]
    even, odd = first[::2].count(0), first[1::2].count(0)
    if min(even, odd) == 0 and max(even, odd) > len(first) // 4:
        return "utf-16-be" if even else "utf-16-le"
    return ""


def _code_page(asked: Asked, content: bytes) -> str:
    """Say which code page explains every byte beyond ASCII by the letters of one language."""
    # Deleting ASCII leaves few bytes of most files, and a set has at most 128.
    beyond = bytes(sorted(set(content.translate(None, bytes(range(128))))))
    read = {page: beyond.decode(page, errors="replace") for page in _ALPHABETS}
    if len(set(read.values())) == 1 and "\ufffd" not in read["cp1252"]:
        return "cp1252"
    shared = {a for a, b in zip(*read.values(), strict=True) if a == b} - set("šžŠŽ")
    fitting = [
        page
        for page, text in read.items()
        if any(set(text) - shared <= set(letters + letters.upper()) for letters in _ALPHABETS[page])
    ]
    if len(fitting) != 1:
        raise asked.unreadable("encoding")
    return fitting[0]
