"""When a delivery that failed is tried again, and when it is given up."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that double from the first to the longest; after `attempts` tries the delivery is dead."""

    first_seconds: float = 30.0
    longest_seconds: float = 14_400.0
    attempts: int = 40

    def wait_after(self, attempts: int) -> float | None:
        """Return the seconds to wait after this many failed tries, or None when there is no next one.

        >>> [Backoff().wait_after(n) for n in (1, 2, 3, 12, 40)]
        [30.0, 60.0, 120.0, 14400.0, None]
        """
        if attempts >= self.attempts:
            return None
        return min(self.longest_seconds, self.first_seconds * 2.0 ** min(attempts - 1, 30))
