"""What a template prints: a message and its items as plain values, in words, with nothing left to decide."""

from dataclasses import dataclass

from services.notifier.domain.alerts import Alert
from services.notifier.domain.citing import CitationView
from services.notifier.domain.grouping import ItemKind
from services.notifier.domain.material import RollupChange


@dataclass(frozen=True, slots=True)
class ReportView:
    """A consolidated report in lines; `more` open alerts are not among those of `open`. The workbook holds all."""

    period: str
    made_at: str
    nil: str
    figures: tuple[str, ...]
    by_indicator: tuple[str, ...]
    by_place: tuple[str, ...]
    open: tuple[str, ...]
    more: int
    changes: tuple[str, ...]
    without_dispatch: tuple[str, ...]
    audit_head: str


@dataclass(frozen=True, slots=True)
class ItemView:
    """One item in words. Lines that do not apply are empty.

    `same_duty_as` is the number of an earlier item with the same citations, 0 when there is none. `cited_for` says
    whose duty is cited when it is not the addressee's own. `deadlines` are never shown without `policy`, which says
    that they are local policy.
    """

    kind: ItemKind
    word: str
    headline: str
    place: str
    roles: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    owners: str = ""
    others: tuple[str, ...] = ()
    indicator: str = ""
    requirement: str = ""
    basis: str = ""
    confidence: str = ""
    period: str = ""
    cells: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    since: str = ""
    until: str = ""
    cause: str = ""
    escalation: str = ""
    policy: str = ""
    deadlines: tuple[str, ...] = ()
    acknowledgement: str = ""
    consequences: tuple[str, ...] = ()
    citations: tuple[CitationView, ...] = ()
    cited_for: str = ""
    same_duty_as: int = 0
    actions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    alert: Alert | None = None
    change: RollupChange | None = None
    report: ReportView | None = None


@dataclass(frozen=True, slots=True)
class SummaryView:
    """A message with more news than anybody reads one by one: how many there are, of which chỉ tiêu and where."""

    total: str
    by_indicator: tuple[str, ...]
    by_place: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its subject, its addressees by name, and its items; `brief` are those told by headline only.

    `banner` says before everything else what the message is not (a drill, a preview). `overview` are lines about
    several items together. `ack_url` is where the addressee confirms having received it, empty where nobody is asked
    to. `summary` stands for the items that are not told one by one, None where all are.
    """

    subject: str
    addressees: tuple[str, ...]
    written_on: str
    items: tuple[ItemView, ...]
    brief: tuple[str, ...]
    references: tuple[str, ...]
    banner: str = ""
    overview: tuple[str, ...] = ()
    ack_url: str = ""
    summary: SummaryView | None = None
