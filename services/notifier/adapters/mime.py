"""A delivery as a mail: plain text in UTF-8, with the headers that mail readers and auto-responders look at."""

import email.policy
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

from services.notifier.domain.delivery import Delivery
from services.notifier.domain.numbers_vi import VIET_NAM


def mail_of(delivery: Delivery, mail_from: str) -> EmailMessage:
    """Return the mail; the same delivery always gives the same bytes, so a repeated mail is recognised as one."""
    message = EmailMessage(policy=email.policy.SMTP)
    message["Message-ID"] = delivery.message_id
    message["Date"] = format_datetime(delivery.created_at.astimezone(VIET_NAM))
    message["From"] = mail_from
    message["To"] = delivery.address
    message["Subject"] = delivery.subject
    if delivery.references:
        message["In-Reply-To"] = delivery.references[-1]
        message["References"] = " ".join(delivery.references)
    # RFC 3834: no out-of-office reply, please.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message["Content-Language"] = "vi"
    message.set_content(delivery.body, charset="utf-8", cte="base64")
    return message


def domain_of(mail_from: str) -> str:
    """Return the domain of a sender, on which the ids of its messages are made.

    >>> domain_of("Đạt Chuẩn <datchuan@langson.example>")
    'langson.example'
    """
    return parseaddr(mail_from)[1].rpartition("@")[2]
