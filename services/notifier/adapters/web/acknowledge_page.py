"""/ack/{token}: the page behind the link in a message. To look at it changes nothing; its button acknowledges, once."""

import base64
import hashlib
import urllib.parse
from dataclasses import dataclass
from typing import Final

import structlog
from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from services.notifier.adapters.acknowledging import Asked, SqlAcknowledging
from services.notifier.adapters.documents import node_vi, unit_document
from services.notifier.adapters.renderer import TEMPLATES
from services.notifier.adapters.web.requests import RefusedError, body_of
from services.notifier.domain.alerts import Alert
from services.notifier.domain.links import ExpiredLinkError, ForgedLinkError, delivery_of
from services.notifier.domain.numbers_vi import moment_vi
from services.notifier.domain.silence_requests import AUTHOR_CHARACTERS, line_of
from shared.catalog.catalog import Catalog
from shared.contracts.labels_vi import GROUP_VI, REASON_VI, STATUS_VI
from shared.runtime.clock import Clock

_MOST_LISTED: Final = 50
_MAX_FORM_BYTES: Final = 8 * 1024
_STYLE: Final = (
    "body{margin:0;background:#f3f4f6;color:#1f2937;font:16px/1.5 Arial,sans-serif}"
    "main{max-width:40rem;margin:0 auto;padding:1rem;background:#fff}"
    "h1{font-size:1.25rem;margin:.25rem 0}li{margin:.25rem 0}"
    "label,input,button{display:block;width:100%;box-sizing:border-box;font:inherit;margin:.5rem 0}"
    "input{padding:.6rem;border:1px solid #6b7280}"
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
    "Xác nhận đã tiếp nhận các cảnh báo còn mở trong thư; hệ thống tạm ngừng nhắc và báo cáo cấp trên theo quy định "
    "của địa phương (văn bản giao nhiệm vụ không ghi thời hạn):"
)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Page:
    """What the page shows; `asks`: with the form, `more`: how many alerts are not listed."""

    title: str
    paragraphs: tuple[str, ...] = ()
    alerts: tuple[str, ...] = ()
    more: int = 0
    asks: bool = False


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
        by = _name_in(await body_of(request, _MAX_FORM_BYTES))
        if not by or len(by) > AUTHOR_CHARACTERS:
            asked = await self._acknowledging.asked(delivery_id)
            return self._show(_UNKNOWN, 404) if asked is None else self._show(self._page(asked), 422)
        confirmed = await self._acknowledging.confirm(delivery_id, by)
        if confirmed is None:
            return self._show(_UNKNOWN, 404)
        asked, is_new = confirmed
        if not is_new:
            return self._show(self._page(asked))
        told = f"Người xác nhận: {by}, lúc {moment_vi(self._clock.now())}."
        return self._show(Page("Đã ghi nhận xác nhận", (told, *_for(asked)), *self._listed(asked)))

    def _page(self, asked: Asked) -> Page:
        if asked.acknowledged_at is not None:
            told = f"Người xác nhận: {asked.acknowledged_by}, lúc {moment_vi(asked.acknowledged_at)}."
            return Page("Thư này đã được xác nhận", (told, "Mỗi liên kết chỉ dùng một lần."))
        if not asked.alerts:
            return Page("Không còn nội dung cần xác nhận", ("Mọi cảnh báo trong thư này đã kết thúc.",))
        return Page("Xác nhận đã tiếp nhận", (*_for(asked), _WHAT_VI), *self._listed(asked), asks=True)

    def _listed(self, asked: Asked) -> tuple[tuple[str, ...], int]:
        lines = tuple(self._line(alert) for alert in asked.alerts[:_MOST_LISTED])
        return lines, len(asked.alerts) - len(lines)

    def _line(self, alert: Alert) -> str:
        place = unit_document(self._catalog, alert.key.unit)["place_vi"]
        code = alert.key.node.partition("/")[2] or alert.key.node
        cell = f" ({GROUP_VI.get(alert.key.cell, alert.key.cell)})" if alert.key.cell else ""
        status, reason = alert.verdict
        what = f"{STATUS_VI[status]}, {REASON_VI[reason]}"
        return f"{place}: chỉ tiêu {code} {node_vi(self._catalog, alert.key.node)}{cell} – {what}"

    def _show(self, page: Page, status: int = 200) -> Response:
        text = self._template.render(page=page, style=_STYLE, longest=AUTHOR_CHARACTERS)
        return HTMLResponse(text, status, _HEADERS)


def _for(asked: Asked) -> tuple[str, ...]:
    return (f"Đơn vị: {', '.join(asked.units)}.",) if asked.units else ()


def _name_in(form: bytes) -> str:
    try:
        fields = urllib.parse.parse_qs(form.decode(), max_num_fields=20, errors="strict")
    except ValueError:
        return ""
    return line_of(fields.get("by", [""])[0])
