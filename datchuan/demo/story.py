"""The story as data: its steps, what each one posts, and what must come of it."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from datchuan.demo.figures import SHAPES, Figure, figure
from datchuan.demo.reports import AliasBook, Report, data_value_set, ended_months, month_before
from services.notifier.domain.numbers_vi import percent_vi
from shared.catalog.catalog import Catalog
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import MeasureKind, Operator, Sex, UnitLevel, VerdictReason, VerdictStatus

DEFAULT_DAY = dt.date(2024, 10, 15)
SOURCE = "hmis"
DISTRICTS = ("183", "914", "198", "202")
BHYT_COMMUNE = "06208"
MISSING_SEX_COMMUNE = "06223"
INCIDENT_COMMUNE = "06235"
PROTAGONISTS = frozenset({BHYT_COMMUNE, MISSING_SEX_COMMUNE, INCIDENT_COMMUNE})
DISPATCH = "caoloc-ubnd-vp-2024-09"
VN_OFFSET = dt.timezone(dt.timedelta(hours=7))

MEN, MEN_INSURED = 1_128, 1_066
WOMEN = 1_100
WOMEN_INSURED_BEFORE = 1_012
WOMEN_INSURED_AFTER = 973
INCIDENT_SECTOR = "industry_trade"


@dataclass(frozen=True)
class Expectation:
    """The verdict that a step must bring about, and the responsible unit that must get a mail about it."""

    unit: str
    node: str
    status: VerdictStatus
    reason: VerdictReason
    mail_to: str


@dataclass(frozen=True)
class Step:
    """One step: captions, the documents to post one after the other, and what must come of them."""

    title_vi: str
    title_en: str
    documents: tuple[dict[str, Any], ...]
    expectation: Expectation | None = None
    show_mail: bool = False

    @property
    def data_values(self) -> int:
        """How many data values the step posts."""
        return sum(len(document["dataValues"]) for document in self.documents)


@dataclass(frozen=True)
class Story:
    """The whole story: the communes it is about and its steps in order; the last one says everything again."""

    as_of: dt.date
    communes: tuple[AdminUnit, ...]
    steps: tuple[Step, ...]


class StoryDateError(Exception):
    """The story cannot be told as of this day."""


def tell(catalog: Catalog, as_of: dt.date, seed: int = 1) -> Story:
    """Return the story as of a day on which its dispatch is in force; StoryDateError names the days otherwise."""
    _check_date(catalog, as_of)
    communes = tuple(
        unit
        for unit in catalog.units
        if unit.level is UnitLevel.COMMUNE and unit.parent in DISTRICTS and unit.in_force(as_of)
    )
    writer = _Writer(AliasBook(catalog.profile_by_source[SOURCE]), as_of, seed)
    names = {unit.id: unit.name_vi for unit in communes}
    steps = (
        _everyone_reports(writer, communes),
        *_alerts_to_nobody(catalog, communes, as_of),
        _women_fall(writer, names[BHYT_COMMUNE]),
        _sex_withdrawn(writer, names[MISSING_SEX_COMMUNE]),
        _incident_opens(writer, names[INCIDENT_COMMUNE]),
        _incident_corrected(writer, names[INCIDENT_COMMUNE]),
    )
    return Story(as_of, communes, (*steps, _replay(steps)))


def _check_date(catalog: Catalog, as_of: dt.date) -> None:
    dispatch = next((d for d in catalog.dispatches if d.id == DISPATCH), None)
    if dispatch is None or SOURCE not in catalog.profile_by_source:
        raise StoryDateError(
            f"this catalog has no dispatch {DISPATCH!r} or no source profile {SOURCE!r}; use the shipped one"
        )
    if not dispatch.in_force(as_of) or not ended_months(as_of):
        raise StoryDateError(
            f"the story cannot be told as of {as_of.isoformat()}: its dispatch is in force from "
            f"{dispatch.effective_from} to {dispatch.effective_to}, and a month of the year must have ended"
        )


class _Writer:
    """Writes documents as the source would, each step a little later than the one before."""

    def __init__(self, book: AliasBook, as_of: dt.date, seed: int) -> None:
        self._book = book
        self._as_of = as_of
        self._seed = seed
        self._observed_at = dt.datetime.combine(as_of - dt.timedelta(days=1), dt.time(8), VN_OFFSET)
        self.month = month_before(as_of)

    def document(self, *reports: Report) -> dict[str, Any]:
        """Return one document observed a minute after the last."""
        self._observed_at += dt.timedelta(minutes=1)
        return data_value_set(self._book, reports, self._observed_at)

    def whole_report(self, unit: AdminUnit) -> dict[str, Any]:
        """Return everything a commune reports."""
        return self.document(*self._reports(unit))

    def _reports(self, unit: AdminUnit) -> Iterator[Report]:
        for indicator, shape in SHAPES.items():
            role = "numerator" if shape.kind is MeasureKind.RATIO else "value"
            for cell in self._book.cells(indicator, role):
                yield from self._cell(unit, indicator, cell)

    def _cell(self, unit: AdminUnit, indicator: str, cell: str) -> Iterator[Report]:
        if (unit.id, indicator) == (BHYT_COMMUNE, "bhyt_coverage"):
            said = Figure(WOMEN_INSURED_BEFORE, WOMEN) if cell == Sex.FEMALE else Figure(MEN_INSURED, MEN)
        else:
            said = figure(self._seed, indicator, unit.id, cell, always_good=unit.id in PROTAGONISTS)
        for period in self._periods(indicator):
            yield Report(unit.code, indicator, cell, period, said)

    def _periods(self, indicator: str) -> tuple[str, ...]:
        if indicator == "food_safety_incident":
            # Silence proves nothing: a year without incidents needs a report for every month of it.
            return ended_months(self._as_of)
        if indicator == "commune_health_standard":
            return (f"{self._as_of.year - 1}06",)
        return (self.month,)


def _everyone_reports(writer: _Writer, communes: tuple[AdminUnit, ...]) -> Step:
    return Step(
        f"{len(communes)} xã, thị trấn của 4 huyện gửi báo cáo tháng {writer.month[4:]}/{writer.month[:4]}.",
        f"{len(communes)} communes of 4 districts send their reports of {writer.month[:4]}-{writer.month[4:]}.",
        tuple(writer.whole_report(unit) for unit in communes),
    )


def _alerts_to_nobody(catalog: Catalog, communes: tuple[AdminUnit, ...], as_of: dt.date) -> tuple[Step, ...]:
    """Return one caption on the districts that have no dispatch on the day, nothing when all have one."""
    parents = (unit.parent for unit in communes if catalog.dispatch_for(unit, as_of) is None)
    names = [catalog.unit_by_id[parent].name_vi for parent in dict.fromkeys(parents) if parent]
    if not names:
        return ()
    listed = ", ".join(names)
    return (
        Step(
            f"{listed}: danh mục không có công văn đang hiệu lực; cảnh báo được lưu và đếm, không gửi cho ai.",
            f"{listed}: the catalog has no dispatch in force; alerts are kept and counted, and sent to nobody.",
            (),
        ),
    )


def _women_fall(writer: _Writer, name_vi: str) -> Step:
    report = Report(BHYT_COMMUNE, "bhyt_coverage", Sex.FEMALE, writer.month, Figure(WOMEN_INSURED_AFTER, WOMEN))
    rate = percent_vi(Decimal(100 * WOMEN_INSURED_AFTER) / WOMEN, Operator.AT_LEAST)
    return Step(
        f"{name_vi}: tỷ lệ nữ tham gia BHYT giảm còn {rate} %, dưới ngưỡng 90 %.",
        f"{name_vi}: health insurance of women falls to {rate.replace(',', '.')} %, under the target of 90 %.",
        (writer.document(report),),
        Expectation(BHYT_COMMUNE, "xa_ntm/15.1", VerdictStatus.NOT_MET, VerdictReason.BELOW_TARGET, "bhxh"),
        show_mail=True,
    )


def _sex_withdrawn(writer: _Writer, name_vi: str) -> Step:
    gone = Report(MISSING_SEX_COMMUNE, "bhyt_coverage", Sex.FEMALE, writer.month, Figure(0, 0), deleted=True)
    return Step(
        f"{name_vi} rút số liệu BHYT của nữ để rà soát: thiếu một giới thì chưa đánh giá được, không coi là 0.",
        f"{name_vi} withdraws its figures of women: with one sex missing there is no verdict, and never a zero.",
        (writer.document(gone),),
        Expectation(MISSING_SEX_COMMUNE, "xa_ntm/15.1", VerdictStatus.NOT_EVALUABLE, VerdictReason.MISSING_SEX, "bhxh"),
    )


def _incident_opens(writer: _Writer, name_vi: str) -> Step:
    return Step(
        f"{name_vi} báo 1 sự cố an toàn thực phẩm thuộc ngành Công Thương quản lý.",
        f"{name_vi} reports a food-safety incident of the industry-and-trade sector.",
        (writer.document(_incidents(writer, 1)),),
        Expectation(
            INCIDENT_COMMUNE,
            "xa_ntm_nang_cao/18.5",
            VerdictStatus.NOT_MET,
            VerdictReason.INCIDENT_OPEN,
            "phong_ktht",
        ),
    )


def _incident_corrected(writer: _Writer, name_vi: str) -> Step:
    return Step(
        f"{name_vi} đính chính: đó không phải sự cố an toàn thực phẩm.",
        f"{name_vi} corrects it: that was no food-safety incident.",
        (writer.document(_incidents(writer, 0)),),
        Expectation(
            INCIDENT_COMMUNE, "xa_ntm_nang_cao/18.5", VerdictStatus.MET, VerdictReason.NO_INCIDENT, "phong_ktht"
        ),
    )


def _incidents(writer: _Writer, count: int) -> Report:
    return Report(INCIDENT_COMMUNE, "food_safety_incident", INCIDENT_SECTOR, writer.month, Figure(value=count))


def _replay(steps: tuple[Step, ...]) -> Step:
    return Step(
        "Gửi lại toàn bộ: mọi bản tin đều là trùng lặp, không có gì thay đổi.",
        "Everything is sent again: all of it is duplicate, and nothing changes.",
        tuple(document for step in steps for document in step.documents),
    )
