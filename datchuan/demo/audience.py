"""Who is told the story: a terminal sees a live board, anything else gets plain lines."""

from typing import Protocol

from rich.console import Console
from rich.live import Live

from datchuan.demo.board import board, mail_panel
from datchuan.demo.mails import Mail
from datchuan.demo.snapshot import Snapshot
from datchuan.demo.words import NOTICE_EN, NOTICE_VI, TITLE_EN, TITLE_VI


class Audience(Protocol):
    """Somebody to whom the story is told."""

    def __enter__(self) -> "Audience":
        """Open the stage."""
        ...

    def __exit__(self, *exception: object) -> None:
        """Close the stage."""
        ...

    def caption(self, vietnamese: str, english: str) -> None:
        """Say what happens now."""
        ...

    def update(self, snapshot: Snapshot) -> None:
        """Show the state of the stack."""
        ...

    def mail(self, mail: Mail) -> None:
        """Show one mail in full."""
        ...


class LiveAudience:
    """A terminal with the live board; what it saw last stays on it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=8, vertical_overflow="crop")
        self._captions: tuple[tuple[str, str], ...] = ()
        self._snapshot = Snapshot()
        self._mail: Mail | None = None

    def __enter__(self) -> "LiveAudience":
        """Open the board."""
        self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the board and print the shown mail in full beneath it."""
        shown, self._mail = self._mail, None
        self._draw()
        self._live.stop()
        if shown is not None:
            self._console.print(mail_panel(shown))

    def caption(self, vietnamese: str, english: str) -> None:
        """Add a caption to the story."""
        self._captions = (*self._captions, (vietnamese, english))
        self._draw()

    def update(self, snapshot: Snapshot) -> None:
        """Redraw the board."""
        self._snapshot = snapshot
        self._draw()

    def mail(self, mail: Mail) -> None:
        """Put a mail under the board."""
        self._mail = mail
        self._draw()

    def _draw(self) -> None:
        self._live.update(board(self._snapshot, self._captions, self._mail, self._console.height))


class PlainAudience:
    """A log or a pipe: one line for everything that is said, no colours and no cursor movements."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._totals = _totals(Snapshot())

    def __enter__(self) -> "PlainAudience":
        """Print the title and the notice."""
        self._say(f"{TITLE_VI} ({TITLE_EN})")
        self._say(NOTICE_VI)
        self._say(NOTICE_EN)
        return self

    def __exit__(self, *exception: object) -> None:
        """Do nothing: what was printed stays."""

    def caption(self, vietnamese: str, english: str) -> None:
        """Print a caption with the totals so far."""
        self._say(f"▶ {vietnamese}")
        self._say(f"  {english}")

    def update(self, snapshot: Snapshot) -> None:
        """Print the totals when they changed."""
        totals, self._totals = self._totals, _totals(snapshot)
        if totals != self._totals:
            self._say(f"  {self._totals}")

    def mail(self, mail: Mail) -> None:
        """Print a mail, indented."""
        self._say(f"  ┌ {mail.to}: {mail.subject}")
        for line in mail.text.splitlines():
            self._say(f"  │ {line}")
        self._say("  └")

    def _say(self, line: str) -> None:
        self._console.out(line, highlight=False)


def _totals(snapshot: Snapshot) -> str:
    return (
        f"transitions={snapshot.transitions} alerts={snapshot.alerts} mails={snapshot.mail_count} held={snapshot.held}"
    )


def audience_for(console: Console) -> LiveAudience | PlainAudience:
    """Return the audience that a console can show."""
    return LiveAudience(console) if console.is_terminal else PlainAudience(console)
