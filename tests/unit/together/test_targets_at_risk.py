"""Evaluator and notifier together: a met target that falls towards its threshold is told before it is missed."""

import datetime as dt

from services.evaluator.domain.engine import Engine
from services.evaluator.domain.telling import tell
from services.notifier.domain.book import Book
from services.notifier.domain.limits import Limits
from services.notifier.domain.momentary import without_momentary_gaps
from shared.catalog.load import SHIPPED, load_catalog
from shared.contracts.vocabulary import AlertKind, NoticeKind
from shared.testing.factories import NOON, a_report

NODE = "xa_ntm/15.1"  # at least 90 %, at risk within 0.5 points or within 3 and falling
Told = list[tuple[AlertKind, NoticeKind | None]]


class Commune:
    """The insured women of a commune, of 1,000; all men are insured."""

    def __init__(self) -> None:
        catalog = load_catalog(SHIPPED)
        self.engine = Engine(catalog, dt.date(2024, 10, 15))
        self.engine.restore([], {}, NOON)
        self.book = Book(Limits.of(catalog))
        self.reports = 0
        self.tell("male", 1000)

    def tell(self, cell: str, numerator: int) -> Told:
        """Report one sex and return what that tells of the chỉ tiêu."""
        self.reports += 1
        report = a_report(
            self.reports, unit="06208", indicator="bhyt_coverage", cell=cell, numerator=numerator, denominator=1000
        )
        outcome = self.engine.apply([report], NOON + dt.timedelta(hours=self.reports))
        changes = [tell(change, outcome) for change in (*outcome.transitions, *outcome.evidence)]
        self.book.learn(self.book.unknown(changes), [], [])
        steps = self.book.apply(without_momentary_gaps(changes)).steps
        return [(step.alert.kind, step.notice) for step in steps if step.alert.key.node == NODE]


def test_a_target_that_falls_slowly_is_at_risk_only_near_its_threshold() -> None:
    commune = Commune()
    commune.tell("female", 940)

    assert commune.tell("female", 930) == []
    assert commune.tell("female", 920) == []
    assert commune.tell("female", 905) == [(AlertKind.AT_RISK, NoticeKind.AT_RISK)]


def test_a_target_that_falls_fast_is_at_risk_before() -> None:
    commune = Commune()
    commune.tell("female", 980)

    assert commune.tell("female", 925) == [(AlertKind.AT_RISK, NoticeKind.AT_RISK)]


def test_a_risk_comes_true_and_is_over_when_the_target_is_well_met() -> None:
    commune = Commune()
    commune.tell("female", 980)
    commune.tell("female", 925)

    missed = commune.tell("female", 890)
    just_met = commune.tell("female", 902)
    well_met = commune.tell("female", 960)

    assert missed == [(AlertKind.AT_RISK, NoticeKind.CLOSED), (AlertKind.BREACH, NoticeKind.OPENED)]
    assert just_met == [(AlertKind.BREACH, NoticeKind.RESOLVED), (AlertKind.AT_RISK, NoticeKind.AT_RISK)]
    assert well_met == [(AlertKind.AT_RISK, NoticeKind.CLOSED)]
