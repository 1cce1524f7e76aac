"""The rules of workload v1 as plain numbers: what its generator draws reports for and its oracle judges them by.

`benchmarks/workload.py` says the same rules in the catalog's words, for the product. The two share nothing but the
scales, so that agreement of their answers means something.
"""

from enum import IntEnum
from typing import NamedTuple

from benchmarks.workload import NODE_ORDER, SECTORS, STUNTING_CEILINGS, WORKLOAD_NAMES


class Judging(IntEnum):
    """How the numbers of a key are judged; thresholds are per mille."""

    FLOOR = 0
    CEILING = 1
    ATTESTED = 2
    ATTESTED_OR_FLOOR = 3
    NONE_HAPPENED = 4


class Key(NamedTuple):
    """One of the sixteen figures of a commune."""

    indicator: str
    sex: str | None
    sector: str | None
    judging: Judging
    threshold: int


def _by_sex(indicator: str, threshold: int) -> list[Key]:
    return [Key(indicator, sex, None, Judging.FLOOR, threshold) for sex in ("male", "female")]


def _one(indicator: str, judging: Judging, threshold: int = 0) -> Key:
    return Key(indicator, None, None, judging, threshold)


KEYS = (
    *_by_sex("15.1", 900),
    _one("15.2", Judging.ATTESTED),
    _one("15.3", Judging.CEILING),
    _one("15.4", Judging.ATTESTED_OR_FLOOR, 500),
    *(Key("17.9", None, sector, Judging.FLOOR, 1000) for sector in SECTORS),
    *_by_sex("14.1", 950),
    *_by_sex("14.2", 900),
    _one("14.3", Judging.FLOOR, 400),
    _one("14.4", Judging.FLOOR, 700),
    _one("18.4", Judging.FLOOR, 1000),
    _one("18.5", Judging.NONE_HAPPENED),
)
"""The order is part of the workload: the generator draws a key by its position."""

CEILINGS = tuple(round(float(percent) * 10) for percent in STUNTING_CEILINGS)
"""Per mille, by region; the region of a commune is its district's number modulo seven."""

_CRITERIA = {"C15": ("15.",), "NTM": ("15.", "17."), "C14": ("14.",), "NC": ("",)}


def _mask(*prefixes: str) -> int:
    return sum(1 << bit for bit, key in enumerate(KEYS) if key.indicator.startswith(prefixes))


NODES = tuple(WORKLOAD_NAMES[node] for node in NODE_ORDER)
NODE_MASKS = tuple(_mask(*_CRITERIA.get(name, (name,))) for name in NODES)
"""Which keys must be met for each of the fifteen verdicts of a commune: bit n stands for KEYS[n]."""


def commune_id(number: int) -> str:
    """Return the id of a commune.

    >>> commune_id(7)
    'X00007'
    """
    return f"X{number:05d}"
