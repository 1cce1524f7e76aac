"""What a command says when it cannot do its work."""

USAGE = 2
FINDINGS = 1
_ENDS = (".", "?", "!", "…")


class CommandError(Exception):
    """Something an operator can understand and mend: what is wrong, what to do, and the exit status."""

    def __init__(self, message: str, remedy: str, exit_status: int = FINDINGS) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.exit_status = exit_status

    def sentence(self) -> str:
        """Return the message with its remedy, as it is printed."""
        return f"{as_sentence(self.message)} {self.remedy}"


def as_sentence(text: str) -> str:
    """Return a text with exactly one mark at its end.

    >>> as_sentence("it is away"), as_sentence("no 'ftp://'."), as_sentence("does it run?")
    ('it is away.', "no 'ftp://'.", 'does it run?')
    """
    text = text.rstrip()
    return text if text.endswith(_ENDS) else f"{text}."
