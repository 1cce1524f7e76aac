"""What the audit keeps beside who was told: no key that is written into it is shown as it stands."""

import ast
import re
from pathlib import Path

from services.notifier.adapters import alert_sql
from services.notifier.domain.audit import AuditKind
from services.notifier.domain.audit_notes_vi import BECAUSE_VI, NAME_VI, note_of
from services.notifier.domain.audit_vi import KIND_VI
from shared.testing.catalogs import shipped_at_once

NOTIFIER = Path(__file__).parents[3] / "services/notifier"
# Told of in rows of their own, not in the note.
ROWS = {"told", "unsent"}


def keys_written() -> set[str]:
    """The keys of every dictionary that is called `details`."""
    found: set[str] = set()
    for path in NOTIFIER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "details":
                dictionaries = (each for each in ast.walk(node.value) if isinstance(each, ast.Dict))
                found.update(word for each in dictionaries for key in each.keys if (word := word_of(key)))
            elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "details":
                found.add(word_of(node.slice))
    return found - {""}


def word_of(node: ast.AST | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def test_every_kind_and_every_key_that_a_writer_puts_into_the_audit_has_its_vietnamese_words() -> None:
    found = keys_written()

    assert {"via", "policy", "released", "addresses", "clause", "drill", "figures"} <= found
    assert found - ROWS - set(NAME_VI) == set()
    assert set(AuditKind) == set(KIND_VI)


def test_every_reason_for_which_news_is_not_sent_has_its_words() -> None:
    statements = [text for name, text in vars(alert_sql).items() if name.endswith(("URGED", "CLOSED", "FLIPS", "GAPS"))]
    statements += [alert_sql.SUPERSEDE_DATA_LOST, alert_sql.SUPERSEDE_UNHEARD]

    written = {reason for text in statements for reason in re.findall(r"'because', '(\w+)'", text)}

    assert written == set(BECAUSE_VI)


def test_what_was_let_go_and_what_a_silence_held_is_said_in_words() -> None:
    catalog = shipped_at_once()

    let_go = note_of(catalog, {"entries": 1, "held_for": ["digest"], "addresses": ["a@langson.example"]})
    silenced = note_of(catalog, {"silence": "s1", "roots": ["06196"], "nodes": None, "responsible_units": ["bhxh"]})

    assert let_go == "số tin được gửi: 1; trước đó: gửi trong bản tổng hợp; địa chỉ: a@langson.example"
    assert silenced.startswith("mã tạm ngưng: s1; địa bàn: Xã ")
    assert silenced.endswith("; đơn vị: Bảo hiểm xã hội huyện")
