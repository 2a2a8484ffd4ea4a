"""What identifies a person inside an identifier: a date of birth, a national id, a name.

Random pseudonyms look like such things now and then: one number of eleven digits in ten has the check digit
of an OIB. So a column of identifiers is judged as a whole. What has the form of a date or a national id
refuses when there is more of it than chance explains, and when it is not the by-product of a scheme such as
year and serial number, in which most of what looks like a date is none.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gravida.intake.centre.given_names import GIVEN_NAMES, NO_NAMES
from gravida.intake.centre.national_ids import NATIONAL_IDS, NumberKind, is_date
from gravida.intake.centre.pseudonyms import PSEUDONYM
from gravida.intake.centre.written_dates import is_day

ID_CHECKS = ("id_looks_like_date", "id_looks_like_national_id", "id_looks_like_name", "record_number_in_id")
BY_CHANCE = 1e-4
# Fewer dates of two-digit years than this, or without as many different years and months, are serial numbers.
_FEWEST_DATES, _SPREAD, _MOST_OTHERS = 5, 3, 0.2
_FEWEST_SHARING, _SHARED = 5, 0.5
_LARGEST_SERIAL = 9999
_NOT_ALNUM = re.compile(r"[\W_]+")
_AFFIXED = re.compile(r"[A-Z]{1,5}([0-9]+)|([0-9]+)[A-Z]{1,5}")
_RECORD_NUMBER = re.compile(r"[A-Z]{0,5}([0-9]{6,})")
_PIECES = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_TWO_WORDS = re.compile(
    r"(?:([A-Z][a-z]{2,})[\W_]+([A-Z][a-z]{2,})|([a-z]{3,})[\W_]+([a-z]{3,})|([A-Z]{3,})[\W_]+([A-Z]{3,}))"
    r"[\W_]?[0-9]{0,4}"
)
# Random letters are seldom a word that can be spoken.
_SPOKEN = re.compile("(?=.*[aeiouy])(?!.*[^aeiouy]{5}).{3,}")
_DATE_SHARE, _YEAR_SHARE = 0.0366, 0.011
_MOST_PIECES = 5
# Nothing that is looked for among numbers is shorter.
_SHORTEST_NUMBER = 6


def _four_digit_year(year: str, month: str, day: str) -> bool:
    return is_day(year, int(month), int(day))


def _known_year(year: str) -> bool:
    return 1930 <= int(year) <= 2039


_DATES = (
    NumberKind(
        re.compile("[0-9]{8}"),
        lambda number: _known_year(number[:4]),
        lambda number: _four_digit_year(number[:4], number[4:6], number[6:]),
        _DATE_SHARE * _YEAR_SHARE,
    ),
    NumberKind(
        re.compile("[0-9]{8}"),
        lambda number: _known_year(number[4:]),
        lambda number: _four_digit_year(number[4:], number[2:4], number[:2]),
        _DATE_SHARE * _YEAR_SHARE,
    ),
)
# Where the year and the day of six digits stand.
_SHORT_DATES = ((slice(0, 2), slice(4, 6)), (slice(4, 6), slice(0, 2)))
_SEPARATED = re.compile(
    r"(?<![0-9])(?:([0-9]{4})[-_]([0-9]{1,2})[-_]([0-9]{1,2})|([0-9]{1,2})[-_]([0-9]{1,2})[-_]([0-9]{4}))(?![0-9])"
)


@dataclass(frozen=True, slots=True)
class _Parts:
    """An identifier taken apart: how many digits, what may be a number that is told of, and its pieces."""

    digits: int
    numbers: frozenset[str]
    pieces: tuple[str, ...]


def id_checks(ids: Sequence[str]) -> dict[str, set[int]]:
    """Find what identifies in the different identifiers of one column.

    Parameters
    ----------
    ids : sequence of str
        Each once, without accents; "" and the pseudonyms made here are passed over.

    Returns
    -------
    dict of check to set of int
        The places in `ids` that fail each check of `ID_CHECKS`; no identifier fails two.
    """
    parts = [_taken_apart(each) if each and not PSEUDONYM.fullmatch(each) else _NOTHING for each in ids]
    found = {
        "id_looks_like_national_id": _beyond_chance(parts, NATIONAL_IDS.values()),
        "id_looks_like_date": _beyond_chance(parts, _DATES) | _short_dates(parts) | _separated(ids),
        "id_looks_like_name": _named(ids, parts),
        "record_number_in_id": {place for place, part in enumerate(parts) if _has_record_number(part)},
    }
    told: set[int] = set()
    for check in ("id_looks_like_date", "id_looks_like_national_id", "id_looks_like_name"):
        found[check] -= told
        told |= found[check]
    found["record_number_in_id"] -= told
    return {check: found[check] for check in ID_CHECKS}


def _taken_apart(identifier: str) -> _Parts:
    digits = sum(map(str.isdecimal, identifier))
    pieces = tuple(_PIECES.findall(identifier))
    numbers = _numbers(identifier.upper()) if digits >= _SHORTEST_NUMBER else ()
    return _Parts(digits, frozenset(each for each in numbers if len(each) >= _SHORTEST_NUMBER), pieces)


_NOTHING = _Parts(0, frozenset(), ())


def _numbers(identifier: str) -> Iterator[str]:
    tokens = [token for token in _NOT_ALNUM.split(identifier) if token]
    yield "".join(tokens)
    yield "".join(tokens[1:])
    run = ""
    for token in [*tokens, ""]:
        yield token
        if affixed := _AFFIXED.fullmatch(token):
            yield affixed[1] or affixed[2]
        if token.isdecimal():
            run += token
        else:
            yield run
            run = ""


def _beyond_chance(parts: Sequence[_Parts], kinds: Iterable[NumberKind]) -> set[int]:
    failing: set[int] = set()
    for kind in kinds:
        formed, plausible, hits = _sorted_out(parts, kind)
        if 2 * len(hits) >= plausible and _too_many(parts, kind.chance, formed, hits):
            failing |= set(hits)
    return failing


def _sorted_out(parts: Sequence[_Parts], kind: NumberKind) -> tuple[int, int, dict[int, str]]:
    """Count the ids with the form of a number and the plausible ones; return where the real ones are."""
    formed = plausible = 0
    hits: dict[int, str] = {}
    for place, part in enumerate(parts):
        if not part.numbers:
            continue
        of_form = [number for number in part.numbers if kind.form.fullmatch(number)]
        likely = [number for number in of_form if kind.plausible(number)]
        formed, plausible = formed + bool(of_form), plausible + bool(likely)
        for number in filter(kind.checked, likely):
            hits[place] = number
    return formed, plausible, hits


def _too_many(parts: Sequence[_Parts], chance: float, formed: int, hits: dict[int, str]) -> bool:
    if not hits:
        return False
    # Imported here: in few submissions are there any.
    from scipy.special import betainc

    # The probability of as many or more of `formed` numbers: the upper tail of a binomial distribution.
    if betainc(len(hits), formed - len(hits) + 1, chance) < BY_CHANCE:
        return True
    if chance < 10 * BY_CHANCE and len(hits) == formed:
        return True
    # Few, but nothing else in the column is as long a number: it does not come from a scheme of the column.
    shortest = min(sum(map(str.isdecimal, number)) for number in hits.values())
    return len(hits) == sum(part.digits >= 0.6 * shortest for part in parts)


def _separated(ids: Sequence[str]) -> set[int]:
    formed, hits = 0, set()
    for place, identifier in enumerate(ids):
        for year, month, day, first, second, last in _SEPARATED.findall(identifier):
            formed += 1
            orders = [(year, month, day)] if year else [(last, second, first), (last, first, second)]
            if any(_known_year(each[0]) and _four_digit_year(*each) for each in orders):
                hits.add(place)
    return hits if 2 * len(hits) >= formed else set()


def _short_dates(parts: Sequence[_Parts]) -> set[int]:
    failing: set[int] = set()
    six = {
        place: number
        for place, part in enumerate(parts)
        for number in part.numbers
        if len(number) == 6 and number.isdecimal()
    }
    for year, day in _SHORT_DATES:
        hits = {
            place: number
            for place, number in six.items()
            if is_date(2000 + int(number[year]), int(number[2:4]), int(number[day]))
        }
        spread = all(
            len({number[at] for number in hits.values()}) >= _SPREAD for at in (year, slice(2, 4), day)
        )
        if len(hits) >= max(_FEWEST_DATES, (1 - _MOST_OTHERS) * len(six)) and spread:
            failing |= set(hits)
    return failing


def _named(ids: Sequence[str], parts: Sequence[_Parts]) -> set[int]:
    names = {
        place: list(_names_in(ids[place], part.pieces)) for place, part in enumerate(parts) if part.pieces
    }
    sharing = Counter(word for each in names.values() for word in {word for name in each for word in name})
    most = max(_FEWEST_SHARING, _SHARED * len(names))
    # What half of the column shares is the name of the study or of the hospital.
    return {
        place
        for place, each in names.items()
        if any(all(sharing[word] < most for word in name) for name in each)
    }


def _names_in(identifier: str, pieces: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if len(pieces) > _MOST_PIECES:
        return
    for piece in pieces:
        word = piece.lower()
        # Three or four letters turn up anywhere, so these must stand alone or beside another name.
        if word in GIVEN_NAMES and (
            len(word) > 4 or _stands_alone(identifier, piece) or _all_capitalised(pieces)
        ):
            yield (word,)
    two = _TWO_WORDS.fullmatch(identifier)
    words = tuple(word.lower() for word in two.groups() if word) if two else ()
    if words and all(word not in NO_NAMES and _SPOKEN.fullmatch(word) for word in words):
        yield words


def _all_capitalised(pieces: tuple[str, ...]) -> bool:
    return len(pieces) > 1 and all(
        piece[0].isupper() and len(piece) >= 3 for piece in pieces if not piece.isdecimal()
    )


def _stands_alone(identifier: str, piece: str) -> bool:
    return re.search(rf"(?:\A[0-9]{{0,4}}|[\W_]){piece}(?:[\W_]|[0-9]{{0,4}}\Z)", identifier) is not None


def _has_record_number(part: _Parts) -> bool:
    found = map(_RECORD_NUMBER.fullmatch, part.numbers)
    return any(int(number[1]) > _LARGEST_SERIAL for number in found if number)
