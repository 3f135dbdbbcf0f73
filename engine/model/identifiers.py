"""Identifiers that regulators know firms, venues, tokens by, and their check characters. Pure."""

import re
from typing import Final

_LEI: Final = re.compile(r"[0-9A-Z]{18}[0-9]{2}\Z")
_MIC: Final = re.compile(r"[0-9A-Z]{4}\Z")
_CURRENCY: Final = re.compile(r"[A-Z]{3}\Z")
_COUNTRY: Final = re.compile(r"[A-Z]{2}\Z")
_ISIN: Final = re.compile(r"[A-Z]{2}[0-9A-Z]{9}[0-9]\Z")

_DTI_ALPHABET: Final = "0123456789BCDFGHJKLMNPQRSTVWXZ"
"""Digits and consonants without Y: no words come of them. A character's place is its value."""

_DTI: Final = re.compile(f"[{_DTI_ALPHABET[1:]}][{_DTI_ALPHABET}]{{8}}\\Z")

_DTI_BEFORE_THE_RULE: Final = frozenset({"4H95J0R2X"})
"""Registered, but with another check character than the rule gives: Bitcoin's first identifier."""


def is_lei(text: str) -> bool:
    """Whether it is a legal entity identifier: ISO 17442, check digits by ISO 7064 MOD 97-10."""
    return _LEI.match(text) is not None and int("".join(str(int(c, 36)) for c in text)) % 97 == 1


def is_mic(text: str) -> bool:
    """Whether it may be a market identifier code: ISO 10383, which has no check character."""
    return _MIC.match(text) is not None


def is_currency(text: str) -> bool:
    """Whether it may be a currency code: ISO 4217, three letters."""
    return _CURRENCY.match(text) is not None


def is_country(text: str) -> bool:
    """Whether it may be a country code: ISO 3166-1, two letters."""
    return _COUNTRY.match(text) is not None


def is_isin(text: str) -> bool:
    """Whether it is a securities identification number: ISO 6166, the last digit checks the others
    by the sum of digits, every second one doubled, where a letter is two digits."""
    if _ISIN.match(text) is None:
        return False
    digits = "".join(str(int(c, 36)) for c in text)[::-1]
    doubled = (int(d) * (1 + k % 2) for k, d in enumerate(digits))
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def is_dti(text: str) -> bool:
    """Whether it is a digital token identifier: ISO 24165, the last of its nine characters checks
    the others by ISO 7064 hybrid MOD 31,30."""
    if _DTI.match(text) is None:
        return False
    modulus = len(_DTI_ALPHABET)
    product = modulus
    for char in text[:-1]:
        total = (product + _DTI_ALPHABET.index(char)) % modulus or modulus
        product = 2 * total % (modulus + 1)
    checks = (product + _DTI_ALPHABET.index(text[-1])) % modulus == 1
    return checks or text in _DTI_BEFORE_THE_RULE
