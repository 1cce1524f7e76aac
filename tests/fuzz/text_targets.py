"""Targets of what is read from one short text: periods, numbers, communes, parameters."""

import math
from collections.abc import Callable, Hashable, Sequence
from random import Random
from typing import Final
from urllib.parse import parse_qsl, quote

import msgspec

from services.ingest.adapters.formats.dhis2_parameters import read_parameters
from services.ingest.adapters.web.import_parameters import face_of, read_fhir_parameters, read_import_parameters
from services.ingest.adapters.web.multipart import boundary_of
from services.ingest.domain.communes import FIELD
from services.ingest.domain.errors import IngestError
from services.ingest.domain.faults import RefusedError
from services.ingest.domain.numbers_vi import Style, is_empty, looks_like_a_number, read_count, read_percent
from services.ingest.domain.periods import parse_period
from services.ingest.domain.periods_vi import find_periods, read_period
from tests.fuzz.fuzzing import BrokenError, Target
from tests.fuzz.reading_oracle import storable
from tests.fuzz.words import COMMUNES, MOMENTS, NAMES, NUMBERS, PERIODS
from tests.fuzz.world import shipped_world, small_world

_PERIODS_VI: Final = ("BIỂU 9 THÁNG NĂM 2024", "từ 01/01/2024 đến 30/9/2024", "6 tháng đầu năm 2024")
_PARAMETERS: Final = (
    "async", "force", "format", "importStrategy", "strategy", "dryRun", "dry_run", "importMode", "atomic", "atomicMode",
    "period", "firstRowIsHeader", "idScheme", "dataElementIdScheme", "orgUnitIdScheme", "preheatCache", "skipAudit",
    "form", "observedAt", "observed_at", "report", "_format", "_pretty", "nonsense", "",
)  # fmt: skip
_VALUES: Final = (
    "true", "false", "TRUE", "1", "", "json", "csv", "dhis2", "CREATE_AND_UPDATE", "DELETE", "CREATE", "code", "uid",
    "all", "none", "validate", "commit", "2024-09", "bhyt-xa", "fhir", "datchuan", " true ", "\0", "đ" * 100,
)  # fmt: skip


def _one_of(words: Sequence[str]) -> Callable[[Random], bytes]:
    return lambda random: random.choice(words).encode()


def _check_period(body: bytes) -> Hashable:
    text = body.decode("utf-8", "replace")
    period = parse_period(text)
    if period is None:
        return None
    if period.start > period.end or parse_period(f"{period.start}/{period.end}") != period:
        raise BrokenError("a period is none as a span of days")
    return period.kind


def _check_period_vi(body: bytes) -> Hashable:
    text = body.decode("utf-8", "replace")
    found = (read_period(text), *find_periods(text))
    for name in found:
        if name is not None and not storable(name):
            raise BrokenError("a period cannot be stored")
    return tuple(name and (len(name), parse_period(name) is not None) for name in found[:3])


def _check_number(body: bytes) -> Hashable:
    text = body.decode("utf-8", "replace")
    ways: list[Hashable] = [is_empty(text), looks_like_a_number(text)]
    cells: list[str | float | None] = [text]
    try:
        cells.append(float(text))
    except ValueError:
        pass
    for cell in cells:
        for style in Style:
            ways.append(_count(cell, style))
            ways += [_percent(cell, style, is_fraction=is_fraction) for is_fraction in (True, False)]
    return tuple(ways)


def _count(cell: str | float | None, style: Style) -> Hashable:
    try:
        count = read_count(cell, style)
    except RefusedError as refused:
        return refused.fault.reason.value
    if type(count) is not int or count < 0:
        raise BrokenError("a count is no count")
    return "count"


def _percent(cell: str | float | None, style: Style, *, is_fraction: bool) -> Hashable:
    try:
        number = read_percent(cell, style, is_fraction=is_fraction)
    except RefusedError as refused:
        return refused.fault.reason.value
    if type(number) is not float or not number >= 0 or not math.isfinite(number):
        raise BrokenError("a rate is no rate")
    return "rate"


def _check_commune(body: bytes) -> Hashable:
    """Find a unit by code, name and period, each in a line."""
    code, name, period = (*body.decode("utf-8", "replace").split("\n", 2), "", "")[:3]
    ways = []
    for world in (small_world(), shipped_world()):
        communes = world.normalizer.communes(None)
        try:
            spot = communes.find(code, name, period)
        except RefusedError as refused:
            if refused.fault.field not in (FIELD, "period"):
                raise BrokenError("a fault of a commune is told of another field") from refused
            msgspec.json.encode(refused.fault)
            ways.append(refused.fault.reason.value)
            continue
        if communes.find(code, name, period) != spot or not storable(spot.unit):
            raise BrokenError("the same commune is another one")
        ways.append("found")
    return tuple(ways)


def _commune(random: Random) -> bytes:
    code = random.choice((*COMMUNES, "06208", "06187", "06211", "183", "20", "30565", "30574"))
    name = random.choice((*NAMES, "Thị trấn Cao Lộc", "Xã Thụy Hùng", "xa Thuy Hung", "Xã Hợp Thành"))
    return f"{code}\n{name}\n{random.choice(PERIODS)}".encode()


def _parameters(random: Random) -> bytes:
    pairs = [(random.choice(_PARAMETERS), random.choice(_VALUES)) for _ in range(random.randrange(5))]
    return "&".join(f"{quote(name)}={quote(value)}" for name, value in pairs).encode()


def _check_parameters(body: bytes) -> Hashable:
    pairs = parse_qsl(body.decode("latin-1"), keep_blank_values=True, errors="replace", max_num_fields=None)
    readers: tuple[Callable[[], object], ...] = (
        lambda: read_parameters(dict(pairs)),
        lambda: read_import_parameters(pairs),
        lambda: read_fhir_parameters(pairs),
        lambda: face_of(dict(pairs), body[:50].decode("latin-1")),
        lambda: boundary_of(body.decode("latin-1")),
        lambda: boundary_of("multipart/form-data;" + body.decode("latin-1")),
    )
    ways: list[Hashable] = []
    for read in readers:
        try:
            read()
        except IngestError as error:
            str(error).encode()
            ways.append((type(error).__name__, str(error)[:30]))
        else:
            ways.append("read")
    return tuple(ways)


TARGETS: Final = (
    Target("periods", _one_of((*PERIODS, *MOMENTS)), _check_period, weight=0.5),
    Target("periods_vi", _one_of((*PERIODS, *_PERIODS_VI)), _check_period_vi, weight=0.5),
    Target("numbers_vi", _one_of(NUMBERS), _check_number, weight=0.5),
    Target("communes", _commune, _check_commune, weight=0.5),
    Target("parameters", _parameters, _check_parameters, weight=0.5),
)  # fmt: skip
