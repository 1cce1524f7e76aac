"""The mails that reached the sink, read back as an official would see them."""

from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path


@dataclass(frozen=True)
class Mail:
    """One received mail."""

    to: str
    subject: str
    text: str


class MailFolder:
    """The folder of a mail sink; every file is read once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, Mail] = {}

    def mails(self) -> tuple[Mail, ...]:
        """Return all mails, the first received first."""
        for path in sorted(self._folder.rglob("*.eml"), key=lambda found: found.stat().st_mtime_ns):
            if path.name not in self._read:
                self._read[path.name] = parse_mail(path.read_bytes())
        return tuple(self._read.values())


def parse_mail(content: bytes) -> Mail:
    """Return a mail from its bytes."""
    message = message_from_bytes(content, policy=policy.default)
    if not isinstance(message, EmailMessage):
        return Mail("", "", "")
    body = message.get_body(("plain", "html"))
    text = body.get_content() if body is not None else ""
    return Mail(str(message.get("To", "")), str(message.get("Subject", "")), str(text).strip())
