"""The dossier of one alert: its story, the mails as sent, clauses, evidence, and the blocks that prove the story."""

import datetime as dt
import io
import json
import re
import zipfile
from typing import Any

import msgspec

from services.notifier.adapters.audit_story import AuditStory
from services.notifier.domain.audit_vi import trail_rows, unsent_vi
from services.notifier.domain.chain import DIGEST_BYTES, SealedLine, digest_of, text_of
from services.notifier.domain.numbers_vi import VIET_NAM
from shared.catalog.catalog import Catalog

FORMAT = "datchuan.audit.v1"
_SIGNED = re.compile(r"(/ack/)[A-Za-z0-9_=-]+\.[A-Za-z0-9_=-]+")
NOTE_VI = """Cách kiểm tra hồ sơ này mà không cần phần mềm Đạt Chuẩn

1. "lines" là các dòng nhật ký kiểm toán của cảnh báo. "text" là dòng đúng như khi niêm phong (một mảng JSON: số
   dòng, số giao dịch, thời điểm UTC, loại, cảnh báo, lượt gửi, người thực hiện, nội dung). SHA-256 của "text" (UTF-8)
   là dấu của dòng.
2. "blocks" là các khối niêm phong có chứa những dòng đó. "digests" là dấu của mọi dòng trong khối, mỗi dấu 64 ký tự
   thập lục phân, theo thứ tự. Dấu thứ "place" (tính từ 0) của khối "block" phải bằng dấu của dòng.
3. "links" là phần đầu ("head") của mọi khối từ khối nhỏ nhất ở trên đến khối mới nhất. SHA-256 của "head" (UTF-8) phải
   bằng "hash". Phần tử thứ 9 của "head" là "hash" của khối liền trước; phần tử thứ 10 là SHA-256 của "digests" (đổi từ
   thập lục phân ra byte).
4. "hash" của khối mới nhất, hoặc của một khối sau những khối ở trên, phải bằng mã đã lưu ở nơi khác: mã ghi trong báo
   cáo tổng hợp, hoặc mã do lệnh "datchuan audit --head" in ra và đã được cất giữ. Không có mã lưu ngoài thì chuỗi chỉ
   chứng minh rằng hồ sơ không tự mâu thuẫn.
5. Dòng có "block" là null chưa được niêm phong tại thời điểm xuất hồ sơ.
6. Thư ("mails") được chép như đã gửi, trừ phần chữ ký của liên kết xác nhận, thay bằng "…" để không ai dùng lại được.

Chỉ phản ánh phần y tế. Thời hạn nêu trong hồ sơ là quy định của địa phương; văn bản giao nhiệm vụ không ghi thời hạn.
"""


def document_of(catalog: Catalog, story: AuditStory, made_at: dt.datetime) -> dict[str, Any]:
    """Return the dossier as one JSON document."""
    rows = [row for line in story.trail() for row in trail_rows(catalog, line)]
    return {
        "format": FORMAT,
        "note_vi": NOTE_VI,
        "made_at": made_at.astimezone(VIET_NAM).isoformat(timespec="seconds"),
        "alert": msgspec.to_builtins(story.alert),
        "story": [msgspec.to_builtins(row) for row in rows],
        "unsent": [unsent_vi(catalog, news) for news in story.unsent],
        "clauses": _clauses(catalog, story),
        "mails": [_without_link(msgspec.to_builtins(mail)) for mail in story.mails],
        "lines": [_line(story, line) for line in story.lines],
        "blocks": [{"number": number, "digests": story.digests[number].hex()} for number in sorted(story.digests)],
        "links": [msgspec.to_builtins(link) for link in story.links],
    }


def _without_link(mail: dict[str, Any]) -> dict[str, Any]:
    """Return a mail without the signed part of its link: whoever reads the dossier could acknowledge with it."""
    return mail | {part: _SIGNED.sub(r"\1…", mail[part]) for part in ("body", "html") if mail.get(part)}


def as_zip(document: dict[str, Any], story_vi: str) -> bytes:
    """Return the dossier as a ZIP: the document, the story as text, the note, and every mail as a file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ho-so.json", json.dumps(document, ensure_ascii=False, indent=1))
        archive.writestr("dien-bien.txt", story_vi)
        archive.writestr("cach-kiem-tra.txt", NOTE_VI)
        for number, mail in enumerate(document["mails"], 1):
            archive.writestr(f"thu/{number:04}.txt", _mail_text(mail))
            if mail.get("html"):
                archive.writestr(f"thu/{number:04}.html", mail["html"])
    return buffer.getvalue()


def _mail_text(mail: dict[str, Any]) -> str:
    head = (
        ("Message-ID", "message_id"),
        ("Địa chỉ", "address"),
        ("Tiêu đề", "subject"),
        ("Tình trạng", "status"),
        ("Trả lời của máy chủ", "server_reply"),
        ("Kết thúc lúc", "settled_at"),
    )
    return "\n".join([*(f"{name}: {mail[key] or ''}" for name, key in head), "", mail["body"]])


def _line(story: AuditStory, line: SealedLine) -> dict[str, Any]:
    number = story.blocks.get(line.id)
    digests = b"" if number is None else story.digests[number]
    sealed = [digests[start : start + DIGEST_BYTES] for start in range(0, len(digests), DIGEST_BYTES)]
    own = digest_of(line)
    place = sealed.index(own) if own in sealed else None
    return {"id": line.id, "text": text_of(line), "block": number, "place": place}


def _clauses(catalog: Catalog, story: AuditStory) -> list[dict[str, str]]:
    """Return the clauses by which anybody was told, to the letter."""
    used: dict[tuple[str, str], None] = {}
    for line in story.trail():
        dispatch = str(line.details.get("dispatch") or "")
        for told in line.details.get("told", ()):
            used |= {(dispatch, clause): None for clause in told.get("clauses", ())}
    return [
        {"dispatch": found.id, "title": found.title_vi, "section": clause.section_vi, "quote": clause.quote}
        for found in catalog.dispatches
        for clause in found.clauses
        if (found.id, clause.id) in used
    ]
