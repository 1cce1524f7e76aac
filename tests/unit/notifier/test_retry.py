import pytest

from services.notifier.domain.retry import Backoff


def test_waits_double_up_to_the_longest() -> None:
    backoff = Backoff(first_seconds=30, longest_seconds=200, attempts=9)

    assert [backoff.wait_after(tries) for tries in range(1, 6)] == [30, 60, 120, 200, 200]


@pytest.mark.parametrize(("tries", "is_last"), [(39, False), (40, True)])
def test_a_delivery_is_given_up_after_its_last_try(tries: int, is_last: bool) -> None:
    assert (Backoff().wait_after(tries) is None) is is_last


def test_by_default_a_delivery_is_tried_for_days() -> None:
    waits = [Backoff().wait_after(tries) or 0 for tries in range(1, 40)]

    assert sum(waits) > 4 * 86_400
