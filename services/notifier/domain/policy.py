"""Which roles are told what, and how long a notification waits for others that go to the same addressee."""

from dataclasses import dataclass

from shared.contracts.vocabulary import AlertKind, NoticeKind, Role

_CONDITION = frozenset({NoticeKind.OPENED, NoticeKind.RESOLVED, NoticeKind.RULESET_CHANGE})

# The dispatch charges appraising units (thẩm định) with the dossier, not with the daily state: nothing for them here.
WANTED: dict[Role, frozenset[NoticeKind]] = {
    Role.LEAD: _CONDITION | {NoticeKind.DATA_LOST},
    Role.DIRECTING: _CONDITION | {NoticeKind.DATA_LOST},
    Role.COORDINATING: _CONDITION,
    Role.CONSOLIDATING: _CONDITION | {NoticeKind.DATA_LOST, NoticeKind.ROLLUP},
    Role.APPRAISING: frozenset(),
    Role.IMPLEMENTING: _CONDITION | {NoticeKind.DATA_LOST},
    Role.DATA: _CONDITION | {NoticeKind.DATA_LOST},
}

# Told that nobody leads (chưa có đơn vị chủ trì): the units that can settle it.
TOLD_OF_NO_LEAD = frozenset({Role.CONSOLIDATING, Role.DIRECTING})


@dataclass(frozen=True, slots=True)
class Windows:
    """Seconds that a row waits to be sent together with others. Missing data often arrives a moment later."""

    group_seconds: float = 5.0
    data_gap_seconds: float = 60.0

    def wait_for(self, notice: NoticeKind, kind: AlertKind | None) -> float:
        """Return the wait of a notice about an alert of this kind."""
        if notice is NoticeKind.DATA_LOST or (notice is NoticeKind.OPENED and kind is AlertKind.DATA_GAP):
            return self.data_gap_seconds
        return self.group_seconds


def is_wanted(role: Role, notice: NoticeKind) -> bool:
    """Return whether a unit in this role is told this kind of news."""
    return notice in WANTED[role]
