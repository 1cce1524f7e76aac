"""The one exception of a poll that failed."""

from services.ingest.domain.polls import PollFailure


class PollFailedError(Exception):
    """A poll failed; the text says what and the remedy, and nothing of an answer's values or of the credentials."""

    def __init__(self, kind: PollFailure, text: str, *, retry_after: float = 0.0, error_code: str = "") -> None:
        super().__init__(text)
        self.kind = kind
        self.retry_after = retry_after
        self.error_code = error_code
