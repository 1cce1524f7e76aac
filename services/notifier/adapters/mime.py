"""A delivery as a mail: plain text in UTF-8, with the headers that mail readers and auto-responders look at."""

import email.policy
from email.header import Header
from email.mime.text import MIMEText
from email.utils import format_datetime, formataddr, parseaddr

from services.notifier.domain.delivery import Delivery
from services.notifier.domain.numbers_vi import VIET_NAM


def mail_of(delivery: Delivery, mail_from: str) -> bytes:
    """Return the mail; the same delivery always gives the same bytes, so a repeated mail is recognised as one."""
    message = MIMEText(delivery.body, "plain", "utf-8")
    name, address = parseaddr(mail_from)
    message["Message-ID"] = delivery.message_id
    message["Date"] = format_datetime(delivery.created_at.astimezone(VIET_NAM))
    message["From"] = formataddr((name, address), "utf-8")
    message["To"] = delivery.address
    # Not EmailMessage: where it folds a long Vietnamese subject it loses the space between two words.
    message["Subject"] = Header(delivery.subject, "utf-8", header_name="Subject").encode()
    if delivery.references:
        message["In-Reply-To"] = delivery.references[-1]
        message["References"] = "\r\n ".join(delivery.references)
    # RFC 3834: no out-of-office reply, please.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message["Content-Language"] = "vi"
    return message.as_bytes(policy=email.policy.compat32.clone(linesep="\r\n"))


def domain_of(mail_from: str) -> str:
    """Return the domain of a sender, on which the ids of its messages are made.

    >>> domain_of("Đạt Chuẩn <datchuan@langson.example>")
    'langson.example'
    """
    return parseaddr(mail_from)[1].rpartition("@")[2]
