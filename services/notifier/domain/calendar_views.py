"""Items that come by the calendar or by a command and not from an alert: a periodic duty, a dossier, a drill."""

import functools

from services.notifier.domain.citing import addressee_of, citations_of, roles_of
from services.notifier.domain.facts import place_of
from services.notifier.domain.grouping import Item, ItemKind
from services.notifier.domain.headlines import node_name
from services.notifier.domain.item_views import Told, actions_of, purposes_of
from services.notifier.domain.mark import Mark
from services.notifier.domain.material import Material
from services.notifier.domain.numbers_vi import date_vi
from services.notifier.domain.views import ItemView
from shared.catalog.catalog import Catalog
from shared.catalog.policies import CommunePhase, DutyPolicy
from shared.contracts.labels_vi import REASON_VI, STATUS_VI
from shared.contracts.vocabulary import NodeKind, Phase, VerdictReason, VerdictStatus

DRILL_VI = "DIỄN TẬP – KHÔNG PHẢI CẢNH BÁO THẬT"
_DRILL_TAG = "[DIỄN TẬP]"


def calendar_headline(catalog: Catalog, item: Item) -> str:
    """Return the one line of a duty, a dossier or a drill."""
    place = catalog.unit_by_id[item.entry.unit].name_vi
    match item.kind:
        case ItemKind.DUTY:
            duty = _duty_of(catalog, item)
            return f"{place}: đến kỳ nhiệm vụ – {duty.what_vi.rstrip('.') if duty else 'theo văn bản giao nhiệm vụ'}"
        case ItemKind.DOSSIER:
            name = node_name(catalog, item.entry.node, NodeKind.STANDARD)
            return f"{place}: hồ sơ vào giai đoạn thẩm định – {name}"
        case ItemKind.DRILL:
            names = ", ".join(dict.fromkeys(addressee_of(catalog, duty) for duty in item.duties))
            return f"{_DRILL_TAG} thử kênh nhận tin của {names}; không phải cảnh báo thật"
    raise ValueError(f"a message about {item.kind} is not composed of items; its subject is {item.entry.subject!r}")


def calendar_view(catalog: Catalog, told: Told, material: Material) -> ItemView:
    """Return an item of no alert in words."""
    item = told.item
    view = functools.partial(
        ItemView,
        kind=item.kind,
        word=told.word,
        headline=told.headline,
        place=place_of(catalog, catalog.unit_by_id[item.entry.unit]),
    )
    if item.kind is ItemKind.DRILL:
        return view(actions=("Không phải xử lý; nếu nhận được tin này thì kênh nhận tin của đơn vị hoạt động.",))
    view = functools.partial(
        view,
        roles=roles_of(catalog, item),
        citations=citations_of(catalog, item.duties),
        since=date_vi(item.entry.as_of),
    )
    if item.kind is ItemKind.DUTY:
        duty = _duty_of(catalog, item)
        return view(actions=(duty.what_vi,) if duty else (), notes=_period_note(duty))
    return view(
        purposes=purposes_of(item),
        states=_states(catalog, item, material.marks.get(item.entry.unit, ())),
        actions=actions_of(item, None),
        notes=_phase_note(_phase_of(catalog, item)),
    )


def _duty_of(catalog: Catalog, item: Item) -> DutyPolicy | None:
    """Return the policy of a duty by its clause: the unit may by now be another, which has taken over from it."""
    entry = item.entry
    return next(
        (duty for duty in catalog.policies.duties if duty.dispatch == entry.dispatch and duty.clause in entry.clauses),
        None,
    )


def _period_note(duty: DutyPolicy | None) -> tuple[str, ...]:
    if duty is None:
        return ()
    every = "hằng tháng" if duty.every_months == 1 else f"{duty.every_months} tháng một lần"
    return (
        f"Kỳ hạn ({every}, ngày {duty.on_day}) là quy định của địa phương; văn bản giao nhiệm vụ không ghi thời hạn.",
        "Thời hạn hoàn thành do địa phương quy định; văn bản giao nhiệm vụ không ghi.",
    )


def _phase_of(catalog: Catalog, item: Item) -> CommunePhase | None:
    entry = item.entry
    unit = catalog.unit_by_id[entry.unit]
    places = {unit.id, *(above.id for above in catalog.ancestors(unit))}
    standard = entry.node.partition("/")[0]
    return next(
        (
            phase
            for phase in catalog.policies.phases
            if phase.unit in places
            and (phase.standard, phase.phase) == (standard, Phase.APPRAISAL)
            and phase.in_force(entry.as_of)
        ),
        None,
    )


def _phase_note(phase: CommunePhase | None) -> tuple[str, ...]:
    if phase is None:
        return ()
    return (f"Giai đoạn thẩm định do địa phương khai báo; căn cứ: {phase.source}.",)


def _states(catalog: Catalog, item: Item, marks: tuple[Mark, ...]) -> tuple[str, ...]:
    """Return a line for every chỉ tiêu of the standard, those that fail or lack data first."""
    standard = item.entry.node.partition("/")[0]
    known = {mark.node: mark for mark in marks}
    lines: list[tuple[int, str]] = []
    for rule in catalog.rules_in_force(item.entry.as_of):
        if rule.standard == standard:
            mark = known.get(rule.node)
            status = VerdictStatus.NOT_EVALUABLE if mark is None else mark.status
            reason = VerdictReason.NO_DATA if mark is None else mark.reason
            why = "" if status is VerdictStatus.MET else f" ({REASON_VI[reason]})"
            lines.append((_WORST_FIRST.index(status), f"{rule.code} – {rule.name_vi}: {STATUS_VI[status]}{why}"))
    return tuple(line for _, line in sorted(lines, key=lambda each: each[0]))


_WORST_FIRST = (
    VerdictStatus.NOT_MET,
    VerdictStatus.NOT_EVALUABLE,
    VerdictStatus.MET,
    VerdictStatus.NOT_APPLICABLE,
)
