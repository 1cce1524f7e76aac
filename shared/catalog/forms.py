"""Column templates of spreadsheets and CSV files: what each column of a form holds (forms/*.yaml)."""

from enum import StrEnum

from pydantic import Field

from shared.catalog.base import CatalogModel
from shared.catalog.names import name_key
from shared.catalog.profiles import PercentUnit
from shared.contracts.vocabulary import Sector, Sex, UnitLevel

PATH_MARK = " / "
LONGEST_HEADER = 300


class Holds(StrEnum):
    """What a column holds; `measure` is one part of one indicator, named in the column itself."""

    IGNORED = "ignored"
    COMMUNE_CODE = "commune_code"
    COMMUNE_NAME = "commune_name"
    PERIOD = "period"
    INDICATOR = "indicator"
    SEX = "sex"
    SECTOR = "sector"
    NUMERATOR = "numerator"
    DENOMINATOR = "denominator"
    VALUE = "value"
    MEASURE = "measure"
    OBSERVED_AT = "observed_at"
    DELETED = "deleted"
    STAGE = "stage"
    EVIDENCE_URI = "evidence_uri"
    EVIDENCE_SHA256 = "evidence_sha256"
    EVIDENCE_NOTE = "evidence_note"
    ISSUED_ON = "issued_on"
    VALID_UNTIL = "valid_until"


class NumberStyle(StrEnum):
    """How a form writes numbers as text: vi 3.620 = 3620 and 96,7 = 96.7, plain 3620 and 96.7."""

    VI = "vi"
    PLAIN = "plain"


class PeriodPlace(StrEnum):
    """Where a form says its period: in a column, in a labelled cell, in the lines above its table, or the request."""

    COLUMN = "column"
    LABEL = "label"
    TITLE = "title"
    REQUEST = "request"


class OtherColumns(StrEnum):
    """What becomes of a file with columns that the form does not list."""

    REFUSED = "refused"
    IGNORED = "ignored"


class Column(CatalogModel):
    """One column under its header, of one or two levels, or any of its `alternatives`.

    The holder of a measure says its indicator, role and sex or sector; `unit` says how rates are written in it. A
    column that is `optional` may be missing in a file; one that is not `offered` is left out of empty forms.
    """

    header: tuple[str, ...] = Field(min_length=1, max_length=2)
    alternatives: tuple[tuple[str, ...], ...] = ()
    holds: Holds
    optional: bool = False
    offered: bool = True
    indicator: str | None = None
    role: str | None = Field(default=None, pattern=r"^(numerator|denominator|value)$")
    sex: Sex | None = None
    sector: Sector | None = None
    unit: PercentUnit = PercentUnit.PERCENT

    @property
    def title(self) -> str:
        """The header in one line."""
        return PATH_MARK.join(self.header)

    @property
    def keys(self) -> frozenset[str]:
        """Every spelling of the header in the form in which equal headers are equal."""
        return frozenset(path_key(path) for path in (self.header, *self.alternatives))


class FormWords(CatalogModel):
    """The words of a form's cells. `whole` means all sexes or sectors together."""

    indicators: dict[str, str] = Field(default_factory=dict)
    sexes: dict[str, Sex] = Field(default_factory=dict)
    sectors: dict[str, Sector] = Field(default_factory=dict)
    whole: tuple[str, ...] = ("Chung", "Tổng", "Cả hai", "Toàn xã")
    yes: tuple[str, ...] = ("Có", "Đạt", "Đúng", "Rồi", "True", "Yes")
    no: tuple[str, ...] = ("Không", "Chưa", "Không đạt", "Chưa đạt", "Chưa có", "False", "No")
    provisional: tuple[str, ...] = ("Sơ bộ", "Tạm tính", "Ước", "provisional")
    final: tuple[str, ...] = ("Chính thức", "Đã chốt", "final")


class Form(CatalogModel):
    """A column template.

    `sheet` is the name of its sheet, where only that one is it. `period` lists where to look for the period, the
    nearest first. Rows that begin with one of `total_words` are sums of others and not read. `level` is that of the
    units of its rows, where only one is meant: a row of a unit above it is a sum, too. A form that is
    `named_only` has headers that do not say what is counted: it is used only when the request or a profile names it.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")
    name_vi: str
    title_vi: str = ""
    sheet: str | None = None
    columns: tuple[Column, ...] = Field(min_length=1)
    words: FormWords = FormWords()
    numbers: NumberStyle = NumberStyle.VI
    period: tuple[PeriodPlace, ...] = (PeriodPlace.LABEL, PeriodPlace.TITLE, PeriodPlace.REQUEST)
    period_labels: tuple[str, ...] = ("Kỳ báo cáo", "Kỳ số liệu", "Thời kỳ")
    total_words: tuple[str, ...] = (
        "Tổng cộng", "Cộng", "Tổng số", "Tổng", "Toàn huyện", "Toàn tỉnh", "Toàn vùng", "Toàn xã", "Chung", "Bình quân",
    )  # fmt: skip
    level: UnitLevel | None = None
    other_columns: OtherColumns = OtherColumns.REFUSED
    named_only: bool = False

    @property
    def required(self) -> tuple[Column, ...]:
        """The columns without which a file is not this form."""
        return tuple(column for column in self.columns if not column.optional)

    @property
    def offered(self) -> tuple[Column, ...]:
        """The columns of an empty form."""
        return tuple(column for column in self.columns if column.offered)

    @property
    def levels(self) -> int:
        """How many header rows the form has."""
        return max(len(column.header) for column in self.columns)


def header_key(text: str) -> str:
    """Return a header or a word of a cell in the form in which equal ones are equal; its beginning is enough.

    >>> header_key("Mã  XÃ:") == header_key("mã xã"), header_key("Xã Hoà") == header_key("xã Hòa")
    (True, True)
    """
    return name_key(text[:LONGEST_HEADER].replace("(*)", "").strip(" \t\r\n:.*;,"))


def path_key(path: tuple[str, ...]) -> str:
    """Return the key of a header of one or two levels."""
    return PATH_MARK.join(header_key(level) for level in path)
