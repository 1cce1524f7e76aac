"""How long a notification waits for others that go to the same addressee, and who is told that nobody leads."""

from dataclasses import dataclass

from shared.contracts.vocabulary import AlertKind, NoticeKind, Role

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
