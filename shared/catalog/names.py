"""Names of administrative units as people write them, brought to one form so that equal names compare equal."""

import re
import unicodedata
from typing import Final

_TONES: Final = frozenset("\u0300\u0301\u0303\u0309\u0323")  # huyền, sắc, ngã, hỏi, nặng; the marks of ă, â, ơ stay
_APOSTROPHES: Final = str.maketrans("\u2018\u2019\u02bc\u00b4`", "'''''")
_GAPS: Final = re.compile(r"[\s\-\u2010-\u2015_]+")
_KINDS: Final = {  # as a person writes the kind of a unit: the word, and what stands for it before a dot or a space
    "thị trấn": ("tt",),
    "thị xã": ("tx",),
    "thành phố": ("tp",),
    "đặc khu": ("đk",),
    "phường": ("p",),
    "quận": ("q",),
    "huyện": ("h",),
    "tỉnh": ("t",),
    "xã": ("x",),
}


def _folded(text: str) -> str:
    text = unicodedata.normalize("NFC", text.translate(_APOSTROPHES)).casefold()
    return _GAPS.sub(" ", text).strip()


def _toneless_syllable(syllable: str) -> str:
    """Return a syllable with its tone at the end, so that hoà and hòa are one: a syllable has one tone, wherever."""
    text = unicodedata.normalize("NFD", syllable)
    letters = "".join(char for char in text if char not in _TONES)
    return unicodedata.normalize("NFC", letters) + "".join(char for char in text if char in _TONES)


def _keyed(folded: str) -> str:
    words = (str(int(word)) if word.isascii() and word.isdigit() else word for word in folded.split())
    return " ".join(map(_toneless_syllable, words))


_KIND_KEYS: Final = {_keyed(kind): tuple(map(_keyed, (kind, *short))) for kind, short in _KINDS.items()}
_KIND_OF: Final = tuple(
    (re.compile(rf"{re.escape(form)}(?:\s*\.\s*|\s+)(?=[^\s.])"), kind)
    for kind, forms in _KIND_KEYS.items()
    for form in forms
)


def name_parts(text: str) -> tuple[str, str]:
    """Return the kind ("" when there is none) and the bare name in the form in which equal names are equal.

    Small letters, NFC, the tone of each syllable at its end, hyphens as spaces, the kind spelled out, leading zeros of
    a numbered ward dropped. Nothing is guessed: another letter, a missing accent or a note in parentheses is another
    name, because "(cũ)" and "(bổ sung)" change what a row says.

    >>> name_parts("X. Hoà Cư") == name_parts("xã Hòa  Cư"), name_parts("P.05") == name_parts("Phường 5")
    (True, True)
    """
    key = _keyed(_folded(text))
    for pattern, kind in _KIND_OF:
        if match := pattern.match(key):
            return kind, _keyed(key[match.end() :])
    return "", key


def name_key(text: str) -> str:
    """Return a whole name, its kind spelled out, in the form in which equal names are equal.

    >>> name_key("TT Cao Lộc") == name_key("Thị trấn Cao Lộc"), name_key("Hoà Cư") == name_key("Hoa Cư")
    (True, False)
    """
    kind, bare = name_parts(text)
    return f"{kind} {bare}" if kind else bare
