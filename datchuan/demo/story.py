"""The story as data: its steps, what each one posts, and what must come of it."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from datchuan.demo.figures import SHAPES, Figure, figure
from datchuan.demo.reports import AliasBook, Report, data_value_set, ended_months, month_before
from services.notifier.domain.numbers_vi import percent_vi
from shared.catalog.catalog import Catalog
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import MeasureKind, Sex, UnitLevel, VerdictReason, VerdictStatus

DEFAULT_DAY = dt.date(2024, 10, 15)
SOURCE = "hmis"
DISTRICTS = ("183", "914", "198", "202")
BHYT_COMMUNE, BHYT_NODE = "06208", "xa_ntm/15.1"
MISSING_SEX_COMMUNE = "06223"
INCIDENT_COMMUNE = "06235"
PROTAGONISTS = frozenset({BHYT_COMMUNE, MISSING_SEX_COMMUNE, INCIDENT_COMMUNE})
DISPATCH = "caoloc-ubnd-vp-2024-09"
VN_OFFSET = dt.timezone(dt.timedelta(hours=7))

MEN, MEN_INSURED = 1_128, 1_066
WOMEN = 1_100
WOMEN_INSURED_BEFORE = 1_012
WOMEN_INSURED_AFTER = 973
WOMEN_INSURED_AGAIN = 1_034
INCIDENT_SECTOR = "industry_trade"
OFFICE = "vp_hdnd_ubnd"


class Deed(StrEnum):
    """What somebody does, or waits for, in a step."""

    HOLD = "hold"
    ACKNOWLEDGE = "acknowledge"
    RELEASE = "release"


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
    """One step: captions, the documents to post one after the other, what must come of them, and what is done then."""

    title_vi: str
    title_en: str
    documents: tuple[dict[str, Any], ...] = ()
    expectation: Expectation | None = None
    show_mail: bool = False
    deed: Deed | None = None

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
        _office_waits(catalog),
        _acknowledged(names[BHYT_COMMUNE]),
        _sex_withdrawn(writer, names[MISSING_SEX_COMMUNE]),
        _incident_opens(writer, names[INCIDENT_COMMUNE]),
        _incident_corrected(writer, names[INCIDENT_COMMUNE]),
        _women_recover(writer, names[BHYT_COMMUNE]),
        _day_ends(),
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
        ),
    )


def _women_fall(writer: _Writer, name_vi: str) -> Step:
    report, rate = _women(writer, WOMEN_INSURED_AFTER)
    return Step(
        f"{name_vi}: tỷ lệ nữ tham gia BHYT giảm còn {rate} %, dưới ngưỡng 90 %. BHXH (chủ trì) nhận thư ngay.",
        f"{name_vi}: health insurance of women falls to {rate.replace(',', '.')} %, under 90 %. "
        "The social insurance, which leads, gets its mail at once.",
        (writer.document(report),),
        Expectation(BHYT_COMMUNE, BHYT_NODE, VerdictStatus.NOT_MET, VerdictReason.BELOW_TARGET, "bhxh"),
        show_mail=True,
    )


def _office_waits(catalog: Catalog) -> Step:
    digest = f"{catalog.policies.digest.at:%H:%M}"
    return Step(
        "Văn phòng biết ngay phần y tế của bộ tiêu chí không còn đạt; tin về từng chỉ tiêu được giữ cho bản tổng hợp "
        f"lúc {digest} (quy định của địa phương).",
        "The Office hears at once that the health part of the standard is lost; "
        f"news of each chỉ tiêu is held for its digest at {digest} (local policy).",
        deed=Deed.HOLD,
    )


def _acknowledged(name_vi: str) -> Step:
    return Step(
        f"BHXH mở liên kết dùng một lần trong thư, xác nhận tiếp nhận việc của {name_vi}: "
        "ngừng nhắc, ngừng báo cáo cấp trên.",
        f"The social insurance acknowledges {name_vi} by the one-time link in its mail: no reminders, no escalation.",
        deed=Deed.ACKNOWLEDGE,
    )


def _women_recover(writer: _Writer, name_vi: str) -> Step:
    report, rate = _women(writer, WOMEN_INSURED_AGAIN)
    return Step(
        f"{name_vi}: tỷ lệ nữ tham gia BHYT tăng lên {rate} %. BHXH được báo là đã khắc phục.",
        f"{name_vi}: health insurance of women rises to {rate.replace(',', '.')} %. The social insurance is told.",
        (writer.document(report),),
        Expectation(BHYT_COMMUNE, BHYT_NODE, VerdictStatus.MET, VerdictReason.TARGET_MET, "bhxh"),
    )


def _day_ends() -> Step:
    return Step(
        "Cuối ngày: Văn phòng nhận bản tổng hợp (ở đây gửi ngay bằng `datchuan notify release --all`).",
        "End of the day: the Office gets its digest (sent here at once, as by `datchuan notify release --all`).",
        deed=Deed.RELEASE,
    )


def _women(writer: _Writer, insured: int) -> tuple[Report, str]:
    """Return the report of the insured women, and their percentage as Vietnamese readers write it."""
    report = Report(BHYT_COMMUNE, "bhyt_coverage", Sex.FEMALE, writer.month, Figure(insured, WOMEN))
    return report, percent_vi(Decimal(100 * insured) / WOMEN)


def _sex_withdrawn(writer: _Writer, name_vi: str) -> Step:
    gone = Report(MISSING_SEX_COMMUNE, "bhyt_coverage", Sex.FEMALE, writer.month, Figure(0, 0), deleted=True)
    return Step(
        f"{name_vi} rút số liệu BHYT của nữ để rà soát: thiếu một giới thì chưa đánh giá được, không coi là 0.",
        f"{name_vi} withdraws its figures of women: with one sex missing there is no verdict, and never a zero.",
        (writer.document(gone),),
        Expectation(MISSING_SEX_COMMUNE, BHYT_NODE, VerdictStatus.NOT_EVALUABLE, VerdictReason.MISSING_SEX, "bhxh"),
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
