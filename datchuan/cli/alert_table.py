"""Alerts listed for people: a table where the screen is wide enough for whole ids, else a few lines for each."""

from collections.abc import Sequence
from typing import Final

from rich.console import Console

from datchuan.cli.output import moment, named, table
from services.notifier.adapters.alert_pages import AlertState, AlertView
from services.notifier.adapters.documents import alert_document
from shared.catalog.catalog import Catalog
from shared.contracts.labels_vi import GROUP_VI

_ID: Final = "mã / id"
_FROM: Final = "từ / from"
_ENDED: Final = "kết thúc / ended"
_FLAPPING: Final = "dao động / flapping"
_HELD: Final = "tiếp nhận / acknowledged"
_COLUMNS: Final = (
    _ID,
    "trạng thái / state",
    "loại / kind",
    "đơn vị / unit",
    "nhóm / group",
    "lý do / reason",
    _FROM,
    _ENDED,
    _FLAPPING,
    _HELD,
)
_WHOLE: Final = (_ID, _FROM, _ENDED)
# Shown when there is something in them.
_OPTIONAL: Final = frozenset({_ENDED, _FLAPPING, _HELD})
_LEAST_FOLDED: Final = 11
_BORDER: Final = 3


def print_alerts(out: Console, catalog: Catalog, views: Sequence[AlertView]) -> None:
    """Print alerts, one row each, or one paragraph where rows would break words; ids are never broken."""
    rows = [_row(catalog, view) for view in views]
    shown_columns = [name for name in _COLUMNS if name not in _OPTIONAL or any(row[name] for row in rows)]
    title = f"cảnh báo / alerts: {len(rows)}"
    if _least_width(shown_columns, rows) <= out.width:
        built = table(title, *shown_columns, whole=_WHOLE)
        for row in rows:
            built.add_row(*(row[name] for name in shown_columns))
        out.print(built)
        return
    out.print(title)
    for row in rows:
        out.print(row[_ID], soft_wrap=True)
        for name in shown_columns:
            if name != _ID and row[name]:
                out.print(named(f"  {name}", row[name]))


def _least_width(columns: Sequence[str], rows: Sequence[dict[str, str]]) -> int:
    """Return the characters that a table needs in which words of usual length stay whole."""
    whole = sum(max(len(name), *(len(row[name]) for row in rows), 0) for name in columns if name in _WHOLE)
    folded = sum(name not in _WHOLE for name in columns)
    return whole + folded * _LEAST_FOLDED + len(columns) * _BORDER + 1


def _row(catalog: Catalog, view: AlertView) -> dict[str, str]:
    document = alert_document(catalog, view)
    held = document["acknowledged"]
    is_ended = view.state is AlertState.ENDED
    values = (
        document["id"],
        document["state"],
        document["kind"],
        document["unit"]["name_vi"],
        GROUP_VI.get(document["cell"], document["cell"]),
        document["reason_vi"],
        moment(document["opened_at"]),
        f"{moment(document['ended_at'])} ({document['end_reason']})" if is_ended else "",
        "yes" if document["flapping"] else "",
        "" if held is None else f"{held['by']}, {moment(held['at'])}",
    )
    return dict(zip(_COLUMNS, values, strict=True))
