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
    held: int = 0
    released: int = 0
    acknowledged: int = 0
    audit_verified: int = 0

    @property
    def is_good(self) -> bool:
        """Whether all of the story happened, a recompute finds the same verdicts, and the audit is whole.

        `held` and `released` are ledger entries, `acknowledged` alerts, `audit_verified` lines of the audit: 0 when its
        chain is broken.
        """
        happened = (self.transitions, self.alerts, self.mails, self.released, self.acknowledged, self.audit_verified)
        return self.verify_differences == 0 and min(happened) > 0

    def sentences(self) -> tuple[str, str]:
        """Return what the checks at the end came to, in Vietnamese and in English.

        >>> DemoResult(4, 2, 2, 0, 1, 1, 1, 0, audit_verified=9).sentences()[0].partition(". ")[2]
        'Nhật ký kiểm toán còn nguyên vẹn: 9 dòng đã niêm phong.'
        """
        differ, is_whole = self.verify_differences, self.audit_verified > 0
        recomputed_vi = f"có {differ} sai khác" if differ else "không có sai khác"
        recomputed_en = f"{differ} difference(s)" if differ else "nothing differs"
        lines = self.audit_verified
        audit_vi = f"còn nguyên vẹn: {lines} dòng đã niêm phong" if is_whole else "không nguyên vẹn"
        audit_en = f"whole: {lines} sealed lines" if is_whole else "broken"
        return (
            f"Đã tính lại toàn bộ từ nhật ký tiếp nhận: {recomputed_vi}. Nhật ký kiểm toán {audit_vi}.",
            f"Everything was computed again from the journal: {recomputed_en}. The audit is {audit_en}.",
        )

    def line(self) -> str:
        """Return the last line of the demonstration.

        >>> DemoResult(4, 2, 2, 0, 1, 1, 1, 0, 3, 2, 1, 9).line().partition(" quarantined")[2]
        '=0 transitions=1 alerts=1 mails=1 verify_differences=0 held=3 released=2 acknowledged=1 audit_verified=9'
        """
        return "demo: " + " ".join(f"{name}={value}" for name, value in self.as_dict().items())

    def as_dict(self) -> dict[str, int]:
        """Return the numbers by name."""
        return asdict(self)
