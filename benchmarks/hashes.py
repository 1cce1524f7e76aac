"""The two hashes of workload v1: of the final table, and of every change of a commune's verdicts."""

import hashlib
from collections.abc import Iterable

_CHARACTERS = 16


def place_row(place: str, total: int, ntm: int, nc: int) -> str:
    """Return the row of a district or province: communes in all, those met of each standard, and whether all are.

    >>> place_row("D001", 20, 20, 3)
    'D|D001|20|20|3|1|0'
    """
    return f"{place[0]}|{place}|{total}|{ntm}|{nc}|{int(total == ntm)}|{int(total == nc)}"


def commune_row(commune: str, met: Iterable[bool]) -> str:
    """Return the row of a commune: one digit for each of its fifteen verdicts.

    >>> commune_row("X00001", [True, False])
    'C|X00001|10'
    """
    return f"C|{commune}|" + "".join("1" if one else "0" for one in met)


def transition_line(commune: str, event_id: str, node: str, *, met: bool) -> str:
    """Return the line of one change of one verdict and the report that made it."""
    return f"{commune}|{event_id}|{node}|{int(met)}"


def final_hash(rows: Iterable[str]) -> str:
    """Return the hash of the final table; the order of the rows does not matter."""
    return _digest(sorted(rows))


def transitions_hash(lines: Iterable[str]) -> str:
    """Return the hash of all changes: in their order within a commune, whatever the order between communes."""
    return _digest(sorted(lines, key=lambda line: line.split("|", 1)[0]))


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:_CHARACTERS]
