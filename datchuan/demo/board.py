"""The live board: verdicts by district, the latest transitions and mails, and where the story is."""

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from datchuan.demo.mails import Mail
from datchuan.demo.snapshot import Snapshot
from datchuan.demo.words import (
    NOTICE_EN,
    NOTICE_VI,
    TITLE_EN,
    TITLE_VI,
    change_line,
)
from datchuan.labels import STATUS_STYLE
from shared.contracts.labels_vi import STATUS_VI
from shared.contracts.vocabulary import VerdictStatus

_NOTICE_LINES, _TABLE_LINES, _FRAME_LINES = 4, 12, 2


@dataclass(frozen=True)
class Room:
    """How many lines each part of the board gets."""

    pair: int
    captions: int
    mail: int

    @classmethod
    def of(cls, height: int) -> "Room":
        """Return the room on a terminal of so many lines; a mail is left out where it has no room.

        >>> Room.of(50), Room.of(24)
        (Room(pair=8, captions=4, mail=12), Room(pair=2, captions=1, mail=0))
        """
        captions = 4 if height >= 44 else 2 if height >= 32 else 1
        left = height - _NOTICE_LINES - _TABLE_LINES - 2 * captions - 2 * _FRAME_LINES
        pair = max(2, min(8, left - _FRAME_LINES))
        mail = left - pair - _FRAME_LINES
        return cls(pair, captions, mail if mail >= 6 else 0)


def board(snapshot: Snapshot, captions: tuple[tuple[str, str], ...], mail: Mail | None, height: int) -> Group:
    """Return the board for `height` lines; of `captions` (Vietnamese, English) the last is the present step."""
    room = Room.of(height)
    parts: list[RenderableType] = [
        Panel(_notice(), title=TITLE_VI, subtitle=TITLE_EN),
        _verdicts(snapshot),
        _pair(snapshot, room.pair),
        Panel(_story(captions[-room.captions :]), title="Câu chuyện / the story"),
    ]
    if mail is not None and room.mail:
        parts.append(mail_panel(mail, room.mail + _FRAME_LINES))
    return Group(*parts)


def mail_panel(mail: Mail, height: int | None = None) -> Panel:
    """Return a mail as a panel, its beginning only when `height` is given."""
    # A title that is no Text would be read as markup.
    content = Text.assemble((mail.subject, "bold"), "\n\n", mail.text)
    return Panel(content, title=Text(f"Thư gửi / mail to {mail.to}"), height=height)


def _notice() -> Text:
    return Text.assemble((NOTICE_VI, "bold yellow"), "\n", (NOTICE_EN, "yellow"))


def _verdicts(snapshot: Snapshot) -> Table:
    shown = Table(title="Chỉ tiêu theo huyện / verdicts of chỉ tiêu by district", expand=True, title_justify="left")
    shown.add_column("huyện / district", no_wrap=True)
    for status in VerdictStatus:
        shown.add_column(f"{STATUS_VI[status]}\n{status.value}", justify="right", style=STATUS_STYLE[status])
    for district, counts in snapshot.verdicts.items():
        shown.add_row(district, *(str(counts.get(status, 0)) for status in VerdictStatus))
    shown.caption = (
        f"transitions {snapshot.transitions} · alerts {snapshot.alerts} · mails {snapshot.mail_count}"
        f" · held for a digest {snapshot.held} · messages under way {snapshot.waiting}"
    )
    return shown


def _pair(snapshot: Snapshot, lines: int) -> Table:
    grid = Table.grid(expand=True)
    grid.add_column(ratio=1)
    grid.add_column(ratio=1)
    changes = [Text(change_line(change), style=STATUS_STYLE[change.to_status]) for change in snapshot.changes[-lines:]]
    mails = [Text.assemble((mail.to, "cyan"), "  ", mail.subject) for mail in snapshot.mails[-lines:]]
    grid.add_row(
        Panel(_newest_first(changes), title="Kết luận vừa đổi / latest transitions", height=lines + _FRAME_LINES),
        Panel(_newest_first(mails), title="Thư vừa gửi / latest mails", height=lines + _FRAME_LINES),
    )
    return grid


def _newest_first(lines: list[Text]) -> "_Lines":
    return _Lines(tuple(reversed(lines)))


@dataclass(frozen=True)
class _Lines:
    """Lines of which each takes one row; one that is too long ends after a whole word, with an ellipsis."""

    lines: tuple[Text, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self.lines:
            yield at_word_end(line, options.max_width)


def at_word_end(line: Text, width: int) -> Text:
    """Return a line that fits the width: cut after a whole word, within one only when the first word is too long.

    >>> at_word_end(Text("Xã Thụy Hùng: chưa đạt"), 15).plain
    'Xã Thụy Hùng:…'
    """
    if line.cell_len <= width:
        return line
    end = line.plain.rfind(" ", 0, width)
    kept = line[: end if end > 0 else max(0, width - 1)]
    kept.rstrip()
    return kept.append("…")


def _story(captions: tuple[tuple[str, str], ...]) -> Text:
    shown = Text(no_wrap=True, overflow="ellipsis")
    for index, (vietnamese, english) in enumerate(captions):
        is_present = index == len(captions) - 1
        shown.append(f"{'▶' if is_present else ' '} {vietnamese}\n", style="bold" if is_present else "dim")
        shown.append(f"  {english}\n", style="" if is_present else "dim")
    shown.rstrip()
    return shown
