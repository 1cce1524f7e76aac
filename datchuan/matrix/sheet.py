"""The coverage matrix as it is laid out on a page: a folded list, and a full table in letters with their key."""

from dataclasses import dataclass

from datchuan.matrix.coverage import Answer, Charge, Matrix, Row
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import Confidence, UnitLevel

CHARGE_VI = {
    Charge.LEAD: "chủ trì",
    Charge.DIRECTING: "trực tiếp chỉ đạo (không có đơn vị chủ trì)",
    Charge.NOBODY: "ĐỂ NGỎ: không có đơn vị chủ trì, không có đơn vị chỉ đạo",
}
CONFIDENCE_VI = {
    Confidence.VERIFIED: "đọc được trong văn bản",
    Confidence.RECALLED: "nhớ lại, cần đối chiếu văn bản gốc",
    Confidence.UNCERTAIN: "chưa chắc chắn, văn bản không ghi đủ: phải đối chiếu văn bản gốc",
}
CODE_MARKS = {Confidence.RECALLED: "*", Confidence.UNCERTAIN: "**"}
CODE_NOTES_VI = {
    "*": "số hiệu chỉ tiêu nhớ lại, chưa thấy văn bản gốc",
    "**": "số hiệu chỉ tiêu chưa chắc chắn, phải đối chiếu văn bản gốc",
}
PART_VI = "Chỉ phản ánh phần y tế."
NOBODY_MARK = "?"
_ALPHABET = "ABCDEGHIKLMNOPQRSTUVXY"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the folded list: a chỉ tiêu in a sector, who acts, in how many units, by which passage, gaps."""

    code_vi: str
    name_vi: str
    sector_vi: str
    charge: Charge
    owners_vi: str
    charge_vi: str
    where_vi: str
    sections_vi: str
    consolidating_vi: str
    gaps_vi: str


@dataclass(frozen=True, slots=True)
class Mark:
    """One cell of the full table: a letter of the key, in brackets where that unit only directs."""

    text: str
    charge: Charge | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything that a page of a matrix shows, in words."""

    matrix: Matrix
    communes: tuple[AdminUnit, ...]
    lines: tuple[Line, ...]
    key: tuple[tuple[str, str], ...]
    grid: tuple[tuple[Row, tuple[Mark, ...]], ...]

    @property
    def number_vi(self) -> str:
        """The number of the dispatch, or that the source leaves it blank."""
        number = self.matrix.dispatch.number
        return f"số {number}" if number else "bản gốc để trống số"

    @property
    def dates_vi(self) -> str:
        """The days on which the dispatch is in force, with how far they can be trusted."""
        dispatch = self.matrix.dispatch
        first = f"{dispatch.effective_from:%d/%m/%Y}" if dispatch.effective_from else "…"
        last = f"{dispatch.effective_to:%d/%m/%Y}" if dispatch.effective_to else "…"
        return f"{first} – {last} ({CONFIDENCE_VI[dispatch.dates_confidence]})"

    @property
    def notes(self) -> tuple[tuple[str, str], ...]:
        """The marks of numbers that were not read in a source, with what they mean."""
        marks = {CODE_MARKS.get(row.code_confidence) for row in self.matrix.rows}
        return tuple((mark, note) for mark, note in CODE_NOTES_VI.items() if mark in marks)

    @property
    def open_lines(self) -> int:
        """How many lines of the folded list have nobody who leads."""
        return sum(1 for line in self.lines if line.charge is not Charge.LEAD)


def lay_out(matrix: Matrix) -> Sheet:
    """Return a matrix as it is laid out: lines for equal answers, one letter for each owner, a column a commune."""
    communes = tuple(unit for unit in matrix.units if unit.level is UnitLevel.COMMUNE)
    owners = dict.fromkeys(name for row in matrix.rows for a in row.answers.values() for name in a.owners)
    letters = {name: letter(place) for place, name in enumerate(owners)}
    grid = [
        (row, tuple(_mark(row.answers.get(unit.id), letters) for unit in communes))
        for row in matrix.rows
        if any(unit.id in row.answers for unit in communes)
    ]
    return Sheet(
        matrix=matrix,
        communes=communes,
        lines=tuple(line for row in matrix.rows for line in _lines(matrix, row)),
        key=tuple((mark, name) for name, mark in letters.items()),
        grid=tuple(grid),
    )


def code_vi(row: Row) -> str:
    """Return the number of a chỉ tiêu, marked when it was not read in a source."""
    return f"{row.node}{CODE_MARKS.get(row.code_confidence, '')}"


def letter(place: int) -> str:
    """Return the letter of the key for a place from 0: A, B, ... Y, AA, AB, ...

    >>> letter(0), letter(21), letter(22)
    ('A', 'Y', 'AA')
    """
    first, last = divmod(place, len(_ALPHABET))
    return (letter(first - 1) if first else "") + _ALPHABET[last]


def _lines(matrix: Matrix, row: Row) -> list[Line]:
    return [
        Line(
            code_vi=code_vi(row),
            name_vi=row.name_vi,
            sector_vi=row.sector_vi,
            charge=answer.charge,
            owners_vi="; ".join(answer.owners) or "–",
            charge_vi=CHARGE_VI[answer.charge],
            where_vi=_where(matrix, units, len(row.answers)),
            sections_vi=", ".join(answer.sections) or "–",
            consolidating_vi="; ".join(answer.consolidating) or "–",
            gaps_vi=" ".join(answer.gaps),
        )
        for answer, units in row.folded()
    ]


def _where(matrix: Matrix, units: tuple[str, ...], judged: int) -> str:
    names = [unit.name_vi for unit in matrix.units if unit.id in units]
    if len(names) == 1:
        return names[0]
    return f"cả {len(names)} đơn vị cấp xã" if len(names) == judged else ", ".join(names)


def _mark(answer: Answer | None, letters: dict[str, str]) -> Mark:
    if answer is None:
        return Mark("", None)
    if answer.charge is Charge.NOBODY:
        return Mark(NOBODY_MARK, answer.charge)
    text = ", ".join(letters[name] for name in answer.owners)
    return Mark(text if answer.charge is Charge.LEAD else f"({text})", answer.charge)
