"""National identity numbers and bank accounts, known by their form and their check digits.

A number without separators, in capitals, is what every function here takes. The rules are those published by
the issuers: the Slovenian and former Yugoslav EMŠO or JMBG, the Croatian OIB and the German tax number (both
ISO 7064 mod 11,10), the Swedish personnummer, the British NHS number, the French NIR, the Italian codice
fiscale, the Spanish DNI and NIE, the Dutch BSN, the Danish CPR, the Norwegian fødselsnummer, the Finnish
henkilötunnus, and the IBAN (ISO 13616).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial

_IBAN_LENGTHS = {
    **{"AT": 20, "BA": 20, "BE": 16, "BG": 22, "CH": 21, "CZ": 24, "DE": 22, "DK": 18, "ES": 24, "FI": 18},
    **{"FR": 27, "GB": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IT": 27, "LI": 21, "LU": 20, "ME": 22},
    **{"MK": 19, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RS": 22, "SE": 24, "SI": 19, "SK": 24, "XK": 20},
}
_CF_ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (
            *(1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21),
            *(2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        ),
        strict=True,
    )
)
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_HETU_LETTERS = "0123456789ABCDEFHJKLMNPRSTUVWXY"


def is_date(year: int, month: int, day: int) -> bool:
    """Say whether there is such a day."""
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _weighted(number: str, weights: tuple[int, ...]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(number, weights, strict=False))


def _two_digit_date(day: str, month: str, year: str, added: int = 0) -> bool:
    # 2000 is a leap year, so no day of either century is lost; some issuers add a constant to the day.
    # A day of February 29 in 1900 would pass, which refuses too much by one day in a century.
    days = {int(day), int(day) - added}
    return any(is_date(2000 + int(year), int(month), each) for each in days if each > 0)


def _emso_date(number: str) -> bool:
    year = int(number[4:7])
    known = year >= 900 or year <= 40
    return known and is_date(year + (1000 if year >= 900 else 2000), int(number[2:4]), int(number[:2]))


def _emso(number: str) -> bool:
    return int(number[12]) == -_weighted(number, (7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11 % 10


def _mod_11_10(number: str) -> bool:
    check = 10
    for digit in number[:-1]:
        check = ((check + int(digit)) % 10 or 10) * 2 % 11
    return (check + int(number[-1])) % 10 == 1


def _luhn(number: str) -> bool:
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(number[-10:]))
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0


def _weighted_to_zero(number: str, weights: tuple[int, ...]) -> bool:
    return int(number) > 0 and _weighted(number, weights) % 11 == 0


def _nir(number: str) -> bool:
    # Corsica's departments, 2A and 2B, count as 19 and 18.
    counted = number[:13].replace("2A", "19").replace("2B", "18")
    return counted.isdigit() and 97 - int(counted) % 97 == int(number[13:])


def _codice_fiscale(number: str) -> bool:
    even = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    odd = sum(_CF_ODD[sign] for sign in number[:15:2])
    return (
        chr(
            65
            + (
                odd
                + sum(even.index(sign) % 26 if sign.isdigit() else ord(sign) - 65 for sign in number[1:15:2])
            )
            % 26
        )
        == number[15]
    )


def _dni(number: str) -> bool:
    digits = number[:-1].translate(str.maketrans("XYZ", "012"))
    return _DNI_LETTERS[int(digits) % 23] == number[-1]


def _hetu(number: str) -> bool:
    return _HETU_LETTERS[int(number[:6] + number[-4:-1]) % 31] == number[-1]


def _iban_form(number: str) -> bool:
    return _IBAN_LENGTHS.get(number[:2]) == len(number)


def _iban(number: str) -> bool:
    return int("".join(str(int(sign, 36)) for sign in number[4:] + number[:4])) % 97 == 1


def _always(number: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class NumberKind:
    """A kind of number that points at a person.

    Parameters
    ----------
    form : Pattern
        Of the whole number, without separators, in capitals.
    plausible : callable
        Whether what has the form has the structure, such as a date of birth.
    checked : callable
        Whether the check digits of what is plausible are right.
    chance : float
        Share of random signs of the form that pass as such a number.
    """

    form: re.Pattern[str]
    plausible: Callable[[str], bool]
    checked: Callable[[str], bool]
    chance: float

    def holds(self, number: str) -> bool:
        """Say whether a text is such a number."""
        return bool(self.form.fullmatch(number)) and self.plausible(number) and self.checked(number)


def _kind(form: str, checked, chance: float, plausible=_always) -> NumberKind:
    return NumberKind(re.compile(form, re.ASCII), plausible, checked, chance)


def _day_first(number: str, added: int = 0) -> bool:
    return _two_digit_date(number[:2], number[2:4], number[4:6], added)


def _year_first(number: str) -> bool:
    short = number[-10:]
    return _two_digit_date(short[4:6], short[2:4], short[:2], 60)


def _fodselsnummer(number: str) -> bool:
    return _weighted_to_zero(number[:10], (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) and _weighted_to_zero(
        number, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)
    )


# Days and months are 365.25 of 10,000 pairs of two digits each.
_DATE = 0.0366
NATIONAL_IDS = {
    "emso": _kind(r"\d{13}", _emso, _DATE * 0.14 / 11, _emso_date),
    "oib": _kind(r"\d{11}", _mod_11_10, 1 / 10),
    "personnummer": _kind(r"(19|20)?\d{10}", _luhn, 2 * _DATE / 10, _year_first),
    "nhs": _kind(r"\d{10}", partial(_weighted_to_zero, weights=(10, 9, 8, 7, 6, 5, 4, 3, 2, 1)), 1 / 11),
    "nir": _kind(r"[12]\d\d(0[1-9]|1[0-2]|[2-4]\d|50)(\d\d|2[AB])\d{8}", _nir, 1 / 97),
    "codice_fiscale": _kind(
        r"[A-Z]{6}[0-9LMNP-V]{2}[A-EHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]", _codice_fiscale, 1 / 26
    ),
    "dni": _kind(r"(\d{8}|[XYZ]\d{7})[A-Z]", _dni, 1 / 23),
    "bsn": _kind(r"\d{9}", partial(_weighted_to_zero, weights=(9, 8, 7, 6, 5, 4, 3, 2, -1)), 1 / 11),
    "cpr": _kind(
        r"\d{10}", partial(_weighted_to_zero, weights=(4, 3, 2, 7, 6, 5, 4, 3, 2, 1)), _DATE / 11, _day_first
    ),
    "fodselsnummer": _kind(r"\d{11}", _fodselsnummer, 2 * _DATE / 121, partial(_day_first, added=40)),
    "henkilotunnus": _kind(r"\d{6}[-+A-FU-Y]?\d{3}[0-9A-FHJ-NPR-Y]", _hetu, _DATE / 31, _day_first),
    "iban": _kind(r"[A-Z]{2}\d{2}[A-Z0-9]{11,24}", _iban, 1 / 97, _iban_form),
}


def is_national_id(number: str) -> bool:
    """Say whether a text, without separators and in capitals, is a number of any of the kinds."""
    return any(kind.holds(number) for kind in NATIONAL_IDS.values())
