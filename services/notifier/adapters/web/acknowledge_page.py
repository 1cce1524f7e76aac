"""/ack/{token}: the page behind the link in a message. To look at it changes nothing; its button acknowledges."""

import base64
import hashlib
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog
from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from services.notifier.adapters.acknowledging import Asked, Chosen, SqlAcknowledging
from services.notifier.adapters.renderer import TEMPLATES
from services.notifier.adapters.web.requests import RefusedError, body_of
from services.notifier.domain.alerts import Alert
from services.notifier.domain.asked_alerts import AskedAlert, asked_alert
from services.notifier.domain.links import ExpiredLinkError, ForgedLinkError, delivery_of
from services.notifier.domain.numbers_vi import count_vi, moment_vi
from services.notifier.domain.silence_requests import AUTHOR_CHARACTERS, line_of
from shared.catalog.catalog import Catalog
from shared.runtime.clock import Clock

_MOST_LISTED: Final = 50
_MAX_FORM_BYTES: Final = 8 * 1024
_MAX_FIELDS: Final = _MOST_LISTED + 10
_STYLE: Final = (
    "body{margin:0;background:#f3f4f6;color:#1f2937;font:16px/1.5 Arial,sans-serif}"
    "main{max-width:40rem;margin:0 auto;padding:1rem;background:#fff}"
    "h1{font-size:1.25rem;margin:.25rem 0}li{margin:.25rem 0}"
    "h2{font-size:1rem;margin:1rem 0 0}ul.alerts{list-style:none;padding:0}ul.alerts>li{margin:.75rem 0}"
    "label,#by,button{display:block;width:100%;box-sizing:border-box;font:inherit;margin:.5rem 0}"
    "#by{padding:.6rem;border:1px solid #6b7280}.error{color:#b42318;font-weight:bold}"
    "button{padding:.8rem;border:0;background:#1f6f54;color:#fff;font-weight:bold}"
    ".note{color:#4b5563;font-size:.875rem}"
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
_WHAT_VI: Final = (
    "Xác nhận đã tiếp nhận các cảnh báo được chọn dưới đây; hệ thống tạm ngừng nhắc và báo cáo cấp trên theo quy định "
    "của địa phương (văn bản giao nhiệm vụ không ghi thời hạn):"
)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Page:
    """What the page shows; `asks`: with the form, whose `alerts` can be chosen.

    `more` of these are not listed, nor `more_taken` of `taken`, which somebody has. `typed` and `chosen` are what was
    sent with a form that `error` says was not accepted.
    """

    title: str
    paragraphs: tuple[str, ...] = ()
    alerts: tuple[AskedAlert, ...] = ()
    more: int = 0
    taken: tuple[AskedAlert, ...] = ()
    more_taken: int = 0
    asks: bool = False
    error: str = ""
    typed: str = ""
    chosen: Chosen | None = None


@dataclass(frozen=True, slots=True)
class _Form:
    """What was sent: the name, and which alerts; None when the sender knows of no choice."""

    by: str
    chosen: Chosen | None


_FORGED = Page("Liên kết không hợp lệ", ("Hãy mở liên kết đầy đủ trong thư, hoặc báo cho đơn vị vận hành hệ thống.",))
_EXPIRED = Page("Liên kết đã hết hạn", ("Nội dung còn hiệu lực sẽ có trong thư nhắc mới, kèm liên kết mới.",))
_FAILED = Page("Hệ thống tạm thời gián đoạn", ("Chưa ghi nhận xác nhận nào. Xin thử lại sau ít phút.",))
_TOO_LARGE = Page("Nội dung gửi lên không đọc được", ("Hãy mở lại liên kết trong thư và nhập họ tên.",))
_UNKNOWN = Page("Không tìm thấy thư này", ("Hãy báo cho đơn vị vận hành hệ thống.",))


class AcknowledgePage:
    """The page of a link; without a secret there are no links, and every one is refused."""

    def __init__(self, acknowledging: SqlAcknowledging, catalog: Catalog, clock: Clock, secret: bytes | None) -> None:
        self._acknowledging = acknowledging
        self._catalog = catalog
        self._clock = clock
        self._secret = secret
        environment = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader(TEMPLATES),
            undefined=StrictUndefined,
            autoescape=True,
            trim_blocks=True,
            auto_reload=False,
        )
        self._template = environment.get_template("acknowledge.html")

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [Route("/ack/{token}", self._answer, methods=["GET", "POST"])]

    async def _answer(self, request: Request) -> Response:
        try:
            if self._secret is None:
                return self._show(_FORGED, 403)
            delivery_id = delivery_of(request.path_params["token"], self._secret, self._clock.now())
            return await (self._confirm if request.method == "POST" else self._look)(request, delivery_id)
        except ForgedLinkError:
            return self._show(_FORGED, 403)
        except ExpiredLinkError:
            return self._show(_EXPIRED, 410)
        except RefusedError as error:
            return self._show(_TOO_LARGE, error.problem.status)
        except ClientDisconnect:
            return Response(status_code=499)
        except (SQLAlchemyError, OSError):
            _log.exception("an acknowledgement cannot be handled")
            return self._show(_FAILED, 503)

    async def _look(self, _request: Request, delivery_id: str) -> Response:
        asked = await self._acknowledging.asked(delivery_id)
        return self._show(_UNKNOWN, 404) if asked is None else self._show(self._page(asked))

    async def _confirm(self, request: Request, delivery_id: str) -> Response:
        form = _form_in(await body_of(request, _MAX_FORM_BYTES))
        error = _error_of(form)
        if error:
            asked = await self._acknowledging.asked(delivery_id)
            if asked is None:
                return self._show(_UNKNOWN, 404)
            return self._show(replace(self._page(asked), error=error, typed=form.by, chosen=form.chosen), 422)
        confirmed = await self._acknowledging.confirm(delivery_id, form.by, form.chosen)
        if confirmed is None:
            return self._show(_UNKNOWN, 404)
        asked, done = confirmed
        return self._show(self._done(asked, done, form.by) if done else self._page(asked))

    def _done(self, asked: Asked, done: Sequence[Alert], by: str) -> Page:
        told = [f"Người xác nhận: {by}, lúc {moment_vi(self._clock.now())}.", *_for(asked)]
        if asked.pending:
            left = count_vi(len(asked.pending))
            told.append(f"Còn {left} cảnh báo trong thư chưa được xác nhận: mở lại liên kết khi cần.")
        return Page("Đã ghi nhận xác nhận", tuple(told), *self._listed(asked, done, asks=False))

    def _page(self, asked: Asked) -> Page:
        pending = {alert.id for alert in asked.pending}
        taken = [alert for alert in asked.alerts if alert.id not in pending]
        listed = (*self._listed(asked, asked.pending, asks=True), *self._listed(asked, taken, asks=False))
        if asked.acknowledged_at is not None:
            told = f"Người xác nhận: {asked.acknowledged_by}, lúc {moment_vi(asked.acknowledged_at)}."
            return Page("Thư này đã được xác nhận", (told, "Mỗi liên kết chỉ dùng một lần cho mỗi cảnh báo."), *listed)
        if not asked.alerts:
            return Page("Không còn nội dung cần xác nhận", ("Mọi cảnh báo trong thư này đã kết thúc.",))
        if not asked.pending:
            told = "Không còn cảnh báo nào chờ xác nhận qua liên kết này."
            return Page("Không còn nội dung cần xác nhận", (*_for(asked), told), *listed)
        return Page("Xác nhận đã tiếp nhận", (*_for(asked), _WHAT_VI), *listed, asks=True)

    def _listed(self, asked: Asked, alerts: Sequence[Alert], *, asks: bool) -> tuple[tuple[AskedAlert, ...], int]:
        now = self._clock.now()
        listed = tuple(
            asked_alert(self._catalog, alert, asked.courses.get(alert.id), now, asks=asks)
            for alert in alerts[:_MOST_LISTED]
        )
        return listed, len(alerts) - len(listed)

    def _show(self, page: Page, status: int = 200) -> Response:
        text = self._template.render(page=page, style=_STYLE, longest=AUTHOR_CHARACTERS)
        return HTMLResponse(text, status, _HEADERS)


def _for(asked: Asked) -> tuple[str, ...]:
    return (f"Đơn vị: {', '.join(asked.units)}.",) if asked.units else ()


def _form_in(body: bytes) -> _Form:
    try:
        fields = urllib.parse.parse_qs(body.decode(), max_num_fields=_MAX_FIELDS, errors="strict")
    except ValueError:
        return _Form("", None)
    # A page that lets choose says so: a box that is not ticked is not sent.
    chosen = Chosen(frozenset(fields.get("alert", ())), fields.get("after", [None])[0]) if "choice" in fields else None
    return _Form(line_of(fields.get("by", [""])[0]), chosen)


def _error_of(form: _Form) -> str:
    """Return why a form is not accepted, or nothing."""
    if not form.by:
        return "Chưa ghi nhận xác nhận: chưa có họ tên, chức vụ người xác nhận."
    if len(form.by) > AUTHOR_CHARACTERS:
        return f"Chưa ghi nhận xác nhận: họ tên, chức vụ dài quá {AUTHOR_CHARACTERS} ký tự."
    if form.chosen == Chosen(frozenset()):
        return "Chưa ghi nhận xác nhận: chưa chọn cảnh báo nào."
    return ""
