"""The templates of messages: escaped, bounded, and an operator's own checked before they are used."""

import html.parser
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

from services.notifier.adapters.renderer import MOST_OUTPUT_CHARACTERS, TemplateFaultError, TemplateRenderer
from services.notifier.domain.grouping import ItemKind
from services.notifier.domain.ports import RenderingError
from services.notifier.domain.specimen_views import empty_message, full_message
from services.notifier.domain.views import ItemView

EVIL = "<script>alert('x')</script> & \"quoted\""
VOID = {"br", "meta"}


class Balance(html.parser.HTMLParser):
    """Reads HTML and keeps the tags that are open, and all tags and text that were seen."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the signature of its base
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: str) -> Balance:
    found = Balance()
    found.feed(page)
    found.close()
    return found


def own(folder: Path, **files: str) -> TemplateRenderer:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return TemplateRenderer(folder)


def test_the_html_is_whole_and_needs_no_picture_script_or_style_sheet() -> None:
    for message in (full_message(), empty_message()):
        page = read(TemplateRenderer().render_html(message))

        assert page.open == []
        assert page.tags <= {
            "html",
            "head",
            "meta",
            "title",
            "body",
            "table",
            "tr",
            "td",
            "p",
            "a",
            "strong",
            "em",
            "br",
        }


def test_text_and_html_say_the_same() -> None:
    message = full_message()
    page = " ".join(read(TemplateRenderer().render_html(message)).text.split())

    for line in (*message.brief, *message.overview, message.banner, message.items[0].policy):
        assert line in page
        assert line in TemplateRenderer().render(message)


def test_everything_that_comes_from_data_is_escaped_in_html_and_left_alone_in_text() -> None:
    item = ItemView(ItemKind.OPENED, EVIL, EVIL, EVIL, roles=(EVIL,), notes=(EVIL,), cells=(EVIL,), actions=(EVIL,))
    message = replace(empty_message(), items=(item,), addressees=(EVIL,), brief=(EVIL,), banner=EVIL, ack_url=EVIL)

    page, text = TemplateRenderer().render_html(message), TemplateRenderer().render(message)

    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 9
    assert EVIL in text


def test_names_with_loose_accents_are_sent_composed() -> None:
    name = "Thị trấn Đồng Đăng"
    message = replace(empty_message(), addressees=(unicodedata.normalize("NFD", name),))

    for body in (TemplateRenderer().render(message), TemplateRenderer().render_html(message)):
        assert name in body
        assert unicodedata.is_normalized("NFC", body)


def test_an_operators_own_template_replaces_the_shipped_one_of_that_name(tmp_path: Path) -> None:
    renderer = own(tmp_path, item_txt="{{ number }}) {{ item.headline }}\n")

    body = renderer.render(empty_message())

    assert "1) Xã mẫu\n" in body
    assert "Chỉ phản ánh phần y tế" in body


def test_a_template_that_an_own_one_includes_may_have_any_name(tmp_path: Path) -> None:
    renderer = own(tmp_path, item_txt="{% include 'sign.txt' %}", sign_txt="ký tên\n")

    assert "ký tên" in renderer.render(empty_message())


FAULTS = {
    "an unknown field": ("{{ item.headlin }}", "item.txt, line 1"),
    "an unknown field on the second line": ("x\n{{ item.headlin }}", "item.txt, line 2"),
    "a syntax error": ("{% if %}", "item.txt, line 1"),
    "a call": ("{{ item.headline.upper() }}", "Call is not allowed"),
    "a range": ("{% for n in range(9) %}{% endfor %}", "Call is not allowed"),
    "a way out of the sandbox": ("{{ item.__class__.__mro__ }}", "item.txt, line 1"),
    "multiplication": ("{{ 'x' * 1000000000 }}", "Mul is not allowed"),
    "an endless width": ("{{ item.headline | center(1000000000) }}", "the filter 'center' is not allowed"),
    "no escaping": ("{{ item.headline | safe }}", "the filter 'safe' is not allowed"),
    "a macro": ("{% macro m() %}{% endmacro %}", "Macro is not allowed"),
    "a loop over the message inside one": ("{% for x in message.items %}{% endfor %}", "over a list of item"),
    "a loop over the letters of a line": (
        "{% for x in item.cells %}{% for y in x[0:] %}{% endfor %}{% endfor %}",
        "over a list of x",
    ),
    "a loop over a list inside a loop over it": (
        "{% for x in item.cells %}{% for y in item.cells %}{% endfor %}{% endfor %}",
        "over a list of x",
    ),
    "doubling": ("{% set a = item.place %}{% set b = a ~ a %}", "set may not use 'a'"),
    "another value for the message": ("{% set message = item %}", "set may not give another value to 'message'"),
    "a file elsewhere": ("{% include '../secret.txt' %}", "there is no template '../secret.txt'"),
    "a name that is computed": ("{% include item.word %}", "in quotes"),
    "itself": ("{% include 'item.txt' %}", "by itself"),
    "brackets in brackets in brackets": ("{{ " + "(" * 3_000 + "1" + ")" * 3_000 + " }}", "nested too deeply"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_template_is_refused_at_start_and_named(tmp_path: Path, name: str) -> None:
    text, words = FAULTS[name]

    with pytest.raises(TemplateFaultError, match=str(tmp_path)) as refused:
        own(tmp_path, item_txt=text)

    assert words in str(refused.value)


def test_a_misspelt_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TemplateFaultError, match=r"mesage\.txt is used by no message"):
        own(tmp_path, mesage_txt="x")


def test_a_template_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TemplateFaultError, match="at most 65536"):
        own(tmp_path, item_txt="x" * (64 * 1024 + 1))


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x", encoding="utf-8")
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "item.txt").symlink_to(secret)

    with pytest.raises(TemplateFaultError, match="leads out of its folder"):
        TemplateRenderer(folder)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TemplateFaultError, match="DATCHUAN_TEMPLATES"):
        TemplateRenderer(tmp_path / "none")


def test_the_output_is_bounded() -> None:
    message = replace(empty_message(), brief=("x" * 1_000,) * (MOST_OUTPUT_CHARACTERS // 1_000))

    with pytest.raises(RenderingError, match="makes more than"):
        TemplateRenderer().render(message)
