"""The words of the grammars: codes that the small catalog knows, numbers and dates usual and odd."""

from collections.abc import Sequence
from random import Random
from typing import Any, Final, TypeVar

T = TypeVar("T")

COMMUNES: Final = (
    "C1",
    "C2",
    "T1",
    "W1",
    "C9",
    "C7",
    "OrgUnit0001",
    "D1",
    "P1",
    "X9",
    "",
    "c1 ",
    "C1\u0000",
    "C" * 300,
)
NAMES: Final = ("Xã Một", "Xã Hai", "Thị trấn Ba", "Xa Mot", "Xã  một", "Xã Bảy cũ", "Phường Tư", "", "Tổng cộng")
PERIODS: Final = (
    "2024-09", "202409", "2024", "2024Q3", "2024S1", "2024-9M", "2024W05", "2024SunW5", "2024BiW3", "202402B",
    "2024NovQ1", "2024-01-01/2024-09-30", "2024-01-01/P9M", "2024-09-01T00:00:00/P1M", "2024-10-15", "9T/2024",
    "Quý III/2024", "tháng 9 năm 2024", "2026", "0000", "9999-12", "0001-01-01/P1D", "9999-12-31/P1D", "2024-13",
    "2024W53", "", "x" * 600,
)  # fmt: skip
MOMENTS: Final = (
    "2024-10-02T08:30:00+07:00", "2024-10-02T08:30:00Z", "2024-10-02", "2024-10-02T08:30:00.000+0000",
    "2024-10-02T08:30:00", "2024-10-02T24:00:00Z", "2024-10-02T08:30:60Z", "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00", "2030-01-01", "0000-01-01T00:00:00Z", "2024-10-02T08:30:00+25:00",
    "2024-10-02T08:30:00.123456789Z", "", "yesterday",
)  # fmt: skip
NUMBERS: Final = (
    "0", "1", "9", "950", "1000", "96.7", "96,7", "0.967", "3.620", "1 150", "1e3", "1E400", "-1", "-0", "+5", "NaN",
    "Infinity", "true", "false", "yes", "", " 7 ", "9223372036854775807", "9223372036854775808", "1" * 100, "٣",
    "\uff11\uff12", "²", "0x1f", "1_000", "1000.0", "999.9999999999999", "5e-324", "1.7976931348623157e308", "96,7 %",
    "100%", "(5)", "1.234.567", "12 người",
)  # fmt: skip
ODD: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1.5, 1e308, 2**63, 2**64, 10**40, -(10**40), "", " ", "\0", "\u2028", "🏥", "e\u0301",
    "x" * 5_000, [], {}, [[]], {"": ""}, [None], {"a": {"b": []}}, [1, "1"], "\ufffe", "\u202etxt", "a\tb", "a\nb",
)  # fmt: skip


def usually(random: Random, values: Sequence[T], share: float = 0.7) -> T:
    """Return the first of the values most of the time, which makes a good row, else any of them."""
    return values[0] if random.random() < share else random.choice(values)


def sometimes(random: Random, share: float = 0.08) -> bool:
    """Return whether to be odd here."""
    return random.random() < share


def spoiled(random: Random, fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an object, some of them missing, of another type, or unknown."""
    kept = {name: value for name, value in fields.items() if not sometimes(random, 0.02)}
    for name in list(kept):
        if sometimes(random, 0.02):
            kept[name] = random.choice(ODD)
    if sometimes(random, 0.03):
        kept[random.choice(("extra", "note", "comment", "Value", "", "Id", "\0"))] = random.choice(ODD)
    return kept


def number(random: Random) -> Any:
    """Return a number as a sender may write it: as one, in quotes, or as something else."""
    text = usually(random, NUMBERS, 0.1)
    choice = random.random()
    if choice < 0.5:
        return random.randint(1, 2_000)
    return text if choice < 0.8 else random.choice((96.7, 0.5, 1e22, True, None, 2**63, -1, 12.0))
