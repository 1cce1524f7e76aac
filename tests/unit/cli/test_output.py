"""What comes from a sender is shown as it is: it neither colours nor moves nor breaks the operators' screens."""

import io
from pathlib import Path

import pytest
from rich.console import RenderableType
from rich.panel import Panel
from rich.text import Text

import datchuan
from datchuan.cli.output import Screen, named, say, table
from datchuan.demo.board import board, mail_panel
from datchuan.demo.mails import Mail
from datchuan.demo.snapshot import Snapshot

EVIL = "[bold red]x[/] :warning: urn:x:hmis [/oops] [link=http://e]"
HARMFUL = "\x1b[2J\x9b31m\x07\r\u202e"


def shown(renderable: RenderableType) -> str:
    out = io.StringIO()
    Screen(file=out, width=200).print(renderable)
    return out.getvalue()


def rows(text: str) -> RenderableType:
    built = table(text, text)
    built.add_row(text)
    return built


@pytest.mark.parametrize(
    "renderable",
    [
        pytest.param(EVIL + HARMFUL, id="line"),
        pytest.param(named("value", EVIL + HARMFUL), id="named line"),
        pytest.param(rows(EVIL + HARMFUL), id="table with title, head and cell"),
        pytest.param(Panel(Text(EVIL + HARMFUL)), id="styled text in a panel"),
        pytest.param(mail_panel(Mail(EVIL + HARMFUL, EVIL + HARMFUL, EVIL + HARMFUL)), id="mail"),
        pytest.param(
            board(Snapshot({EVIL: {}}), ((EVIL + HARMFUL, EVIL),), Mail(EVIL, EVIL + HARMFUL, EVIL), 60), id="board"
        ),
    ],
)
def test_markup_emoji_and_escape_sequences_of_a_sender_are_plain_text(renderable: RenderableType) -> None:
    text = shown(renderable)

    assert EVIL in text
    assert not set(HARMFUL) - set("[2J31m") & set(text)


def test_a_line_that_is_printed_without_layout_is_cleaned_too(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"a{HARMFUL}b [bold]")

    assert capsys.readouterr().out == "a[2J31mb [bold]\n"


def test_a_line_that_goes_out_whole_is_cleaned_too() -> None:
    out = io.StringIO()

    Screen(file=out, width=10).out(EVIL + HARMFUL)

    assert out.getvalue() == f"{EVIL}[2J31m\n"


def test_line_ends_and_vietnamese_letters_stay() -> None:
    assert shown("Xã Thụy Hùng\nđạt") == "Xã Thụy Hùng\nđạt\n"


def test_every_screen_of_the_command_line_is_made_in_one_place() -> None:
    root = Path(datchuan.__file__).parent
    makers = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if any(maker in path.read_text(encoding="utf-8") for maker in (" Console(", "=Console(", "rich.print"))
    }

    assert makers == set()
