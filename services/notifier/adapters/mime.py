"""A delivery as a mail: text, HTML and files, with the headers that mail readers and auto-responders look at."""

import email.policy
import hashlib
from email.encoders import encode_base64
from email.header import Header
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime, formataddr, parseaddr
from urllib.parse import quote

from services.notifier.domain.delivery import Attachment, Delivery
from services.notifier.domain.numbers_vi import VIET_NAM

_NAME_PART = 48
_UTF8 = "utf-8''"


def mail_of(delivery: Delivery, mail_from: str) -> bytes:
    """Return the mail; the same delivery always gives the same bytes, so a repeated mail is recognised as one."""
    message = _body_of(delivery)
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


def _body_of(delivery: Delivery) -> MIMEBase:
    """Return text alone, or with HTML as the alternative that readers prefer (the last one), or both with files."""
    body: MIMEBase = MIMEText(delivery.body, "plain", "utf-8")
    if delivery.html:
        parts = [body, MIMEText(delivery.html, "html", "utf-8")]
        body = MIMEMultipart("alternative", _boundary(delivery, "alternative"), parts)
    if delivery.attachments:
        files = [_file(each) for each in delivery.attachments]
        body = MIMEMultipart("mixed", _boundary(delivery, "mixed"), [body, *files])
    return body


def _boundary(delivery: Delivery, kind: str) -> str:
    """Return a boundary that is always the same for a delivery and in no text: base64 has no such line."""
    return "=_" + hashlib.sha256(f"{kind}:{delivery.id}".encode()).hexdigest()[:32]


def _file(attachment: Attachment) -> MIMEBase:
    main, _, kind = attachment.media_type.partition("/")
    part = MIMENonMultipart(main, kind)
    part.set_payload(attachment.content)
    encode_base64(part)
    part["Content-Disposition"] = ";\r\n ".join(("attachment", *_name_parameters(attachment.name)))
    return part


def _name_parameters(name: str) -> list[str]:
    """Return the file name as RFC 2231 writes any name: in UTF-8, percent-encoded, in as many parts as lines need.

    >>> _name_parameters("Báo cáo.xlsx")
    ["filename*=utf-8''B%C3%A1o%20c%C3%A1o.xlsx"]
    """
    encoded = quote(name, safe="")
    if len(encoded) <= _NAME_PART:
        return [f"filename*={_UTF8}{encoded}"]
    parts = [encoded[start : start + _NAME_PART] for start in range(0, len(encoded), _NAME_PART)]
    return [f"filename*{number}*={'' if number else _UTF8}{part}" for number, part in enumerate(parts)]


def domain_of(mail_from: str) -> str:
    """Return the domain of a sender, on which the ids of its messages are made.

    >>> domain_of("Đạt Chuẩn <datchuan@langson.example>")
    'langson.example'
    """
    return parseaddr(mail_from)[1].rpartition("@")[2]
