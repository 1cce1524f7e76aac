import datetime as dt

from services.notifier.domain.alerts import Alert, Step
from services.notifier.domain.book import Book, Outcome
from services.notifier.domain.flapping import superseded_by
from services.notifier.domain.limits import Limits
from shared.catalog.policies import FlappingPolicy
from shared.contracts.vocabulary import Cause, NoticeKind
from shared.contracts.vocabulary import VerdictReason as Reason
from shared.contracts.vocabulary import VerdictStatus as Status
from shared.contracts.wire import VerdictChanged
from shared.testing.verdicts import MORNING, a_breach, a_cell, a_change, a_recovery, a_silent_cell

LIMITS = Limits(FlappingPolicy(openings=3, within_days=30, calm_hours=24))
HOUR = dt.timedelta(hours=1)


def run(*changes: VerdictChanged, limits: Limits = LIMITS) -> Outcome:
    book = Book(limits)
    book.learn(book.unknown(changes), [], [])
    return book.apply(changes)


def flips(count: int, apart: dt.timedelta = HOUR, start: dt.datetime = MORNING) -> list[VerdictChanged]:
    """Return breach, recovery, breach, ...: `count` openings, one flip every `apart`."""
    return [
        (a_breach if number % 2 else a_recovery)(number, occurred_at=start + number * apart)
        for number in range(1, 2 * count + 1)
    ]


def told(outcome: Outcome) -> list[tuple[NoticeKind | None, bool]]:
    return [(step.notice, step.is_held_for_calm) for step in outcome.steps if step.notice]


def newest(outcome: Outcome) -> Alert:
    return outcome.steps[-1].alert


def test_the_opening_that_is_one_too_many_is_told_as_flapping_and_what_follows_waits_for_calm() -> None:
    outcome = run(*flips(4))

    assert told(outcome) == [
        (NoticeKind.OPENED, False),
        (NoticeKind.RESOLVED, False),
        (NoticeKind.OPENED, False),
        (NoticeKind.RESOLVED, False),
        (NoticeKind.FLAPPING, False),
        (NoticeKind.RESOLVED, True),
        (NoticeKind.OPENED, True),
        (NoticeKind.RESOLVED, True),
    ]


def test_flapping_is_told_once_however_often_it_goes_on() -> None:
    outcome = run(*flips(99))

    assert [notice for notice, _ in told(outcome)].count(NoticeKind.FLAPPING) == 1
    assert sum(not held for _, held in told(outcome)) == 5  # two occurrences told in full, and that it is flapping


def test_what_is_remembered_of_openings_is_bounded() -> None:
    assert len(newest(run(*flips(99))).openings) == 3


def test_openings_that_lie_far_apart_are_no_flapping() -> None:
    outcome = run(*flips(6, apart=dt.timedelta(days=10)))

    assert NoticeKind.FLAPPING not in {notice for notice, _ in told(outcome)}
    assert not newest(outcome).flapping


def test_an_opening_after_it_has_been_calm_is_told_at_once_and_counts_anew() -> None:
    unsteady = flips(4)
    later = a_breach(100, occurred_at=unsteady[-1].occurred_at + 24 * HOUR)

    outcome = run(*unsteady, later)

    assert told(outcome)[-1] == (NoticeKind.OPENED, False)
    assert not newest(outcome).flapping
    assert newest(outcome).openings == (later.occurred_at,)


def test_an_opening_before_it_has_been_calm_is_still_flapping() -> None:
    unsteady = flips(4)

    outcome = run(*unsteady, a_breach(100, occurred_at=unsteady[-1].occurred_at + 23 * HOUR))

    assert told(outcome)[-1] == (NoticeKind.OPENED, True)


def test_an_end_after_it_has_been_calm_is_told_at_once() -> None:
    *unsteady, _ = flips(4)

    outcome = run(*unsteady, a_recovery(100, occurred_at=unsteady[-1].occurred_at + 30 * HOUR))

    assert told(outcome)[-1] == (NoticeKind.RESOLVED, False)


def test_a_source_that_comes_and_goes_is_flapping_too() -> None:
    silent = [a_cell("male", 1200, 1250), a_silent_cell("female")]
    changes = [a_breach(1)]
    for number in range(2, 20, 2):
        changes += [a_change(number, *silent, from_status=Status.NOT_MET), a_breach(number + 1)]

    outcome = run(*changes)

    assert told(outcome)[:3] == [
        (NoticeKind.OPENED, False),
        (NoticeKind.DATA_LOST, False),
        (NoticeKind.FLAPPING, False),
    ]
    assert all(held for _, held in told(outcome)[3:])
    assert newest(outcome).occurrence == 1


def test_a_change_of_the_rules_is_no_flip() -> None:
    changes = [
        (a_breach if number % 2 else a_recovery)(number, cause=Cause.RULESET if number % 2 else Cause.DATA)
        for number in range(1, 12)
    ]

    assert NoticeKind.FLAPPING not in {notice for notice, _ in told(run(*changes))}


def test_without_a_limit_nothing_is_flapping() -> None:
    outcome = run(*flips(20), limits=Limits())

    assert not any(step.alert.flapping for step in outcome.steps)


def test_a_flip_supersedes_what_waits_of_the_occurrences_before_it() -> None:
    steps: list[Step] = run(*flips(6)).steps

    ids = [f"06208:xa_ntm/15.1:female:{number}" for number in range(7)]
    assert superseded_by(steps[:4]) == {}
    assert superseded_by(steps[-1:]) == dict.fromkeys(ids[2:6], ids[6])
    assert superseded_by(steps).items() >= dict.fromkeys(ids[3:6], ids[6]).items()


def test_two_cells_flap_each_on_its_own() -> None:
    men = [
        a_change(100, a_cell("male", 1100, 1250), a_cell("female", 1176), occurred_at=MORNING + 50 * HOUR),
    ]

    outcome = run(*flips(4), *men)

    assert told(outcome)[-1] == (NoticeKind.OPENED, False)
    assert newest(outcome).key.cell == "male"


def test_a_gap_that_flaps_is_told_as_flapping() -> None:
    gone = [a_silent_cell(cell, Reason.NO_DATA) for cell in ("male", "female")]
    changes = [a_change(n, *gone) if n % 2 else a_recovery(n) for n in range(1, 8)]

    assert (NoticeKind.FLAPPING, False) in told(run(*changes))
