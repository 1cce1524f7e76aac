"""Who is addressed, in which roles, and the clauses that say so, cited to the letter."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.notifier.domain.grouping import Duty, Item
from services.notifier.domain.labels_vi import ROLE_VI
from services.notifier.domain.route import name_in
from shared.catalog.catalog import Catalog
from shared.catalog.dispatches import OfficialDispatch
from shared.catalog.policies import UNROUTED_UNIT
from shared.contracts.vocabulary import Role


@dataclass(frozen=True, slots=True)
class ClauseView:
    """A clause as cited: its section and its words to the letter."""

    section: str
    quote: str


@dataclass(frozen=True, slots=True)
class CitationView:
    """A dispatch as cited, with the clauses that concern the addressee."""

    dispatch: str
    clauses: tuple[ClauseView, ...]


def notes_of(catalog: Catalog, item: Item) -> tuple[str, ...]:
    """Return what the addressee must know of the routing: no lead unit, units without an address."""
    notes = [f"Chưa có đơn vị chủ trì theo công văn. {item.gap_vi}"] if item.gap_vi else []
    for missing in item.no_address_units:
        name = name_in(catalog, item.entry.dispatch, missing, item.entry.unit)
        notes.append(f"{name} chưa có địa chỉ nhận tin trong danh bạ; đề nghị chuyển tin này.")
    return tuple(notes)


def addressee_of(catalog: Catalog, duty: Duty) -> str:
    """Return the name of the responsible unit that holds a duty; one above is known to local policy alone."""
    if duty.role is Role.SUPERIOR or duty.responsible_unit == UNROUTED_UNIT:
        return catalog.policies.names.get(duty.responsible_unit, duty.responsible_unit)
    return name_in(catalog, duty.dispatch, duty.responsible_unit, duty.unit)


def roles_of(catalog: Catalog, item: Item) -> tuple[str, ...]:
    """Return the roles of the addressee; with the unit's name when one address serves several units."""
    names = {addressee_of(catalog, duty) for duty in item.duties}
    if len(names) == 1:
        return tuple(dict.fromkeys(ROLE_VI[duty.role] for duty in item.duties))
    return tuple(dict.fromkeys(f"{addressee_of(catalog, duty)}: {ROLE_VI[duty.role]}" for duty in item.duties))


def citations_of(catalog: Catalog, duties: Iterable[Duty]) -> tuple[CitationView, ...]:
    """Return the clauses of the duties, each once, by dispatch."""
    found: dict[str, dict[ClauseView, None]] = {}
    for duty in duties:
        dispatch = catalog.dispatch_by_id.get(duty.dispatch or "")
        if dispatch is not None:
            cited = found.setdefault(_citation(dispatch), {})
            for clause in dispatch.clauses:
                if clause.id in duty.clauses:
                    cited[ClauseView(clause.section_vi, clause.quote)] = None
    return tuple(CitationView(dispatch, tuple(clauses)) for dispatch, clauses in found.items() if clauses)


def _citation(dispatch: OfficialDispatch) -> str:
    number = f"số {dispatch.number}" if dispatch.number else "bản gốc để trống số"
    return f"văn bản “{dispatch.title_vi}” của {dispatch.issuer_vi}, {dispatch.issued_vi}, {number}"
