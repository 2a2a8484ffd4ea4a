"""Full dates in whatever way people write them: day, month and year together."""

import re
from collections.abc import Iterator

from gravida.intake.centre.national_ids import is_date

# The years in which somebody who matters here may have been born, treated or delivered.
FIRST_YEAR, LAST_YEAR = 1900, 2039
# First letters of the months, without accents, in English, Slovenian, Croatian, German, French, Italian and
# Spanish; what follows them is up to the language.
_MONTHS = {
    1: "jan sij siec gen ene",
    2: "feb vel fev",
    3: "mar ozu mrz maerz",
    4: "apr tra avr abr",
    5: "may maj svi mai mag",
    6: "jun lip juin giu",
    7: "jul srp juil lug",
    8: "aug avg kol aou ago",
    9: "sep ruj set",
    10: "oct okt lis ott",
    11: "nov stu",
    12: "dec pro dez dic prosinac gru",
}
_ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")
_STARTS = {start: month for month, starts in _MONTHS.items() for start in starts.split()}
# In full or shortened: the longest name is the Croatian "studenoga" or "septembre"; cases add an ending.
_NAMED = "|".join(sorted(_STARTS, key=len, reverse=True))
_MONTH = rf"(?:(?:{_NAMED})[a-z]{{0,8}}|[ivx]{{1,4}}(?![a-z]))"
_GAP = r"[ .,/_-]{0,3}"
_OF = rf"{_GAP}(?:(?:de|del|of)\b ?)?"

_NUMERIC = (
    re.compile(r"(?<!\d)(?P<y>\d{4}) ?(?P<s>[./_-]) ?(?P<m>\d{1,2}) ?(?P=s) ?(?P<d>\d{1,2})(?!\d)"),
    re.compile(r"(?<!\d)(?P<d>\d{1,2}) ?(?P<s>[./_-]) ?(?P<m>\d{1,2}) ?(?P=s) ?(?P<y>\d{4}|\d\d)(?!\d)"),
    re.compile(r"(?<!\d)(?P<d>\d{1,2}) (?P<m>\d{1,2}) (?P<y>\d{4})(?!\d)"),
    re.compile(r"(?<!\d)(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)(?!\d)"),
    re.compile(r"(?<!\d)(?P<d>\d\d)(?P<m>\d\d)(?P<y>\d{4})(?!\d)"),
    re.compile(r"(?<!\d)(?P<y>\d{4})年 ?(?P<m>\d{1,2})月 ?(?P<d>\d{1,2})"),
)
_WORDED = (
    re.compile(
        rf"(?<!\d)(?P<d>\d{{1,2}})(?:st|nd|rd|th|er|o)?{_OF}(?P<m>{_MONTH}){_OF}'?(?P<y>\d{{4}}|\d\d)(?!\d)"
    ),
    re.compile(rf"(?<![a-z])(?P<m>{_MONTH}){_GAP}(?P<d>\d{{1,2}})(?:st|nd|rd|th)?{_GAP}(?P<y>\d{{4}})(?!\d)"),
    re.compile(rf"(?<!\d)(?P<y>\d{{4}}){_GAP}(?P<m>{_MONTH}){_GAP}(?P<d>\d{{1,2}})(?!\d)"),
)


def full_dates(text: str) -> Iterator[tuple[int, int]]:
    """Find the full dates in a text in lower case without accents.

    Parameters
    ----------
    text : str
        Of bounded length; every pattern looks at a bounded stretch from each sign on.

    Yields
    ------
    tuple of int
        Where the date begins and ends.
    """
    for pattern in _NUMERIC:
        for found in pattern.finditer(text):
            first, second = int(found["m"]), int(found["d"])
            if is_day(found["y"], first, second) or is_day(found["y"], second, first):
                yield found.span()
    for pattern in _WORDED:
        for found in pattern.finditer(text):
            if is_day(found["y"], _month(found["m"]), int(found["d"])):
                yield found.span()


def is_day(year: str, month: int, day: int) -> bool:
    """Say whether there is such a day; a year of two digits stands for one of either century."""
    number = int(year)
    if len(year) == 2:
        return is_date(2000 + number, month, day)
    return FIRST_YEAR <= number <= LAST_YEAR and is_date(number, month, day)


def _month(word: str) -> int:
    if word in _ROMAN:
        return _ROMAN.index(word) + 1
    # The longest beginning decides: "juin" and "juil", "mar" and "mag".
    return next((_STARTS[word[:size]] for size in range(5, 2, -1) if word[:size] in _STARTS), 0)
