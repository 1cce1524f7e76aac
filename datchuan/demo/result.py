"""What a demonstration came to, and the one line that says it."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class DemoResult:
    """The numbers of one demonstration."""

    events: int
    accepted: int
    duplicates: int
    quarantined: int
    transitions: int
    alerts: int
    mails: int
    verify_differences: int

    @property
    def is_good(self) -> bool:
        """Whether verdicts turned, mails arrived, and a recompute from the journal finds the same verdicts."""
        return self.verify_differences == 0 and min(self.transitions, self.alerts, self.mails) > 0

    def sentences(self) -> tuple[str, str]:
        """Return what the recompute at the end came to, in Vietnamese and in English.

        >>> DemoResult(4, 2, 2, 0, 1, 1, 1, 0).sentences()[0]
        'Đã tính lại toàn bộ từ nhật ký: không có sai khác.'
        """
        if self.verify_differences == 0:
            return (
                "Đã tính lại toàn bộ từ nhật ký: không có sai khác.",
                "Everything was computed again from the journal: nothing differs.",
            )
        return (
            f"Đã tính lại toàn bộ từ nhật ký: có {self.verify_differences} sai khác.",
            f"Everything was computed again from the journal: {self.verify_differences} difference(s).",
        )

    def line(self) -> str:
        """Return the last line of the demonstration.

        >>> DemoResult(4, 2, 2, 0, 1, 1, 1, 0).line()
        'demo: events=4 accepted=2 duplicates=2 quarantined=0 transitions=1 alerts=1 mails=1 verify_differences=0'
        """
        return "demo: " + " ".join(f"{name}={value}" for name, value in self.as_dict().items())

    def as_dict(self) -> dict[str, int]:
        """Return the numbers by name."""
        return asdict(self)
