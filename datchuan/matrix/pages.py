"""The coverage matrix as one self-contained HTML page, and as a page of Markdown."""

import re
from importlib import resources

from jinja2 import Environment, StrictUndefined, select_autoescape

from datchuan.matrix.sheet import CHARGE_VI, NOBODY_MARK, PART_VI, Sheet, code_vi
from shared.catalog.missing_dispatches import cited
from shared.contracts.vocabulary import CommuneType

_MARKUP = re.compile(r"[\\|*<`\[]")
_TEMPLATES = {"html": "matrix.html.j2", "md": "matrix.md.j2"}


def html_page(sheet: Sheet) -> str:
    """Return the page for a browser or a printer, A4 across; everything that it needs is in it."""
    return _render("html", sheet)


def markdown_page(sheet: Sheet) -> str:
    """Return the page as Markdown tables; what would be markup in a name is escaped."""
    return _render("md", sheet)


def _render(kind: str, sheet: Sheet) -> str:
    text = resources.files("datchuan.matrix").joinpath(_TEMPLATES[kind]).read_text(encoding="utf-8")
    # The names come from YAML files: none of them may become markup. Markdown, which may hold HTML, has a filter of its
    # own for that.
    environment = Environment(
        autoescape=select_autoescape(default_for_string=kind == "html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cell"] = _cell
    environment.filters["code"] = code_vi
    template = environment.from_string(text)
    page = template.render(
        sheet=sheet,
        dispatch=sheet.matrix.dispatch,
        cited=cited(sheet.matrix.dispatch),
        on=f"{sheet.matrix.on:%d/%m/%Y}",
        charges=CHARGE_VI,
        nobody=NOBODY_MARK,
        part_vi=PART_VI,
        towns=tuple(unit for unit in sheet.communes if unit.type is not CommuneType.XA),
    )
    return page.rstrip("\n") + "\n"


def _cell(text: str) -> str:
    return " ".join(_MARKUP.sub(r"\\\g<0>", text).split())
