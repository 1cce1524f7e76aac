"""Who has to act on an alert, and is asked to acknowledge it."""

import datetime as dt

import pytest

from services.notifier.domain.owning import Owners
from shared.contracts.vocabulary import Role
from shared.testing.catalogs import shipped_at_once

DAY = dt.date(2024, 10, 15)


@pytest.mark.parametrize(
    ("role", "owns"),
    [
        (Role.LEAD, True),
        (Role.DIRECTING, True),
        (Role.IMPLEMENTING, False),
        (Role.COORDINATING, False),
        (Role.CONSOLIDATING, False),
        (Role.INFORMED, False),
    ],
)
def test_those_who_lead_or_direct_have_to_act_where_a_dispatch_names_them(role: Role, owns: bool) -> None:
    owners = Owners(shipped_at_once())

    assert owners.has(role, ("06208", "xa_ntm/15.1", "female", DAY)) is owns


def test_those_who_implement_have_to_act_where_nobody_leads_or_directs() -> None:
    owners = Owners(shipped_at_once())
    nobody_leads = ("06208", "xa_ntm/15.1", "", dt.date(2030, 1, 1))

    assert owners.has(Role.IMPLEMENTING, nobody_leads)
    assert not owners.has(Role.CONSOLIDATING, nobody_leads)
