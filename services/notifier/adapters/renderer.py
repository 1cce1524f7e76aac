"""Turns messages into text and HTML with templates, in a sandbox that can call nothing of ours and work for ever."""

import traceback
import unicodedata
from dataclasses import fields
from functools import partial
from pathlib import Path

from jinja2 import FunctionLoader, StrictUndefined, Template, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from services.notifier.adapters.template_rules import FILTERS, TemplateRuleError, check_template
from services.notifier.domain.citing import CitationView, ClauseView
from services.notifier.domain.ports import RenderingError
from services.notifier.domain.specimen_views import empty_message, full_message
from services.notifier.domain.views import ItemView, Message, ReportView, SummaryView
from shared.runtime.settings import SettingsError

TEMPLATES = Path(__file__).parent.parent / "templates"
TEXT, HTML = "message.txt", "message.html"
MOST_TEMPLATE_BYTES = 64 * 1024
MOST_OUTPUT_CHARACTERS = 1024 * 1024
_SUFFIXES = (".txt", ".html")
_VIEWS: dict[type[object], frozenset[str]] = {
    view: frozenset(field.name for field in fields(view))
    for view in (Message, ItemView, ReportView, SummaryView, CitationView, ClauseView)
}


class TemplateFaultError(SettingsError):
    """The templates cannot be used; the sentence names the file and the line. The notifier does not start with them."""


class _Environment(ImmutableSandboxedEnvironment):
    """A sandbox that knows the fields of our own views as safe: they are plain values, and nearly all that is asked."""

    def getattr(self, obj: object, attribute: str) -> object:
        """Return an attribute, or what stands for one that may not be read."""
        if attribute in _VIEWS.get(type(obj), ()):
            return getattr(obj, attribute)
        return super().getattr(obj, attribute)


class TemplateRenderer:
    """Renders the body of a message; an unknown name in a template is an error, never an empty line.

    `folder` holds an operator's own templates, by the names of those beside this package, which they replace. All are
    read and tried when this is made; TemplateFaultError says what is wrong with one.
    """

    def __init__(self, folder: Path | None = None) -> None:
        own = {} if folder is None else _files_of(folder)
        self._files = _files_of(TEMPLATES) | own
        sources = {name: _source_of(path) for name, path in self._files.items()}
        self._environment = _Environment(
            loader=FunctionLoader(lambda name: (sources[name], str(self._files[name]), None)),
            undefined=StrictUndefined,
            autoescape=_is_html,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
        )
        self._environment.globals.clear()
        self._environment.filters = {name: self._environment.filters[name] for name in FILTERS}
        self._check(sources, own)
        self._text, self._html = self._template(TEXT), self._template(HTML)
        for message in (full_message(), empty_message()):
            for template in (self._text, self._html):
                self._try(template, message)

    def render(self, message: Message) -> str:
        """Return the body as text."""
        return self._rendered(self._text, message)

    def render_html(self, message: Message) -> str:
        """Return the body as HTML in which everything that comes from data is escaped."""
        return self._rendered(self._html, message)

    def _check(self, sources: dict[str, str], own: dict[str, Path]) -> None:
        """Check every template by the rules; one of the operator's own that no message uses has a misspelt name."""
        used: set[str] = set()
        parsed = partial(self._parsed, sources)
        try:
            for name in (TEXT, HTML):
                used |= check_template(name, parsed)
        except TemplateRuleError as error:
            at = self._files.get(error.template, error.template)
            raise TemplateFaultError(f"template {at}, {error.fault}") from error
        for name in sorted(set(own) - used):
            remedy = f"name it like one of {', '.join(sorted(used))}, or include it in one"
            raise TemplateFaultError(f"template {own[name]} is used by no message; {remedy}")

    def _parsed(self, sources: dict[str, str], name: str) -> nodes.Template:
        source = sources[name]
        try:
            return self._environment.parse(source, name)
        except TemplateError as error:
            line = getattr(error, "lineno", 0)
            raise TemplateFaultError(f"template {self._files[name]}, line {line}: {error}") from error
        except RecursionError as error:
            raise TemplateFaultError(f"template {self._files[name]} is nested too deeply; write it flatter") from error

    def _template(self, name: str) -> Template:
        return self._environment.get_template(name)

    def _try(self, template: Template, message: Message) -> None:
        try:
            self._rendered(template, message)
        except RenderingError as error:
            raise TemplateFaultError(f"{error} (tried with a sample message)") from error

    def _rendered(self, template: Template, message: Message) -> str:
        pieces: list[str] = []
        length = 0
        try:
            for piece in template.generate(message=message):
                length += len(piece)
                if length > MOST_OUTPUT_CHARACTERS:
                    most = f"{MOST_OUTPUT_CHARACTERS} characters"
                    raise RenderingError(f"The template {self._place(template.name)} makes more than {most}.")
                pieces.append(piece)
        except (TemplateError, TypeError, ValueError, OverflowError, RecursionError) as error:
            where = self._line_of(error) or self._place(template.name)
            raise RenderingError(f"The template {where} cannot be rendered: {error}") from error
        # What people typed may come with loose accents, which not every mail reader puts back together.
        return unicodedata.normalize("NFC", "".join(pieces))

    def _line_of(self, error: Exception) -> str | None:
        """Return the file and line of the template at which rendering stopped: jinja makes them look like our own."""
        files = {str(path) for path in self._files.values()}
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in files]
        return f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else None

    def _place(self, name: str | None) -> str:
        found = self._files.get(name or "")
        return str(name) if found is None or found.parent == TEMPLATES else str(found)


def _is_html(name: str | None) -> bool:
    return name is None or name.endswith(".html")


def _files_of(folder: Path) -> dict[str, Path]:
    """Return the templates of a folder by name; folders inside and links out of it are not looked into."""
    if not folder.is_dir():
        raise TemplateFaultError(f"DATCHUAN_TEMPLATES names {folder}, which is no folder")
    root = folder.resolve()
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in _SUFFIXES and path.is_file():
            if path.resolve().parent != root:
                raise TemplateFaultError(f"template {path} is a link that leads out of its folder; put the file there")
            found[path.name] = path
    return found


def _source_of(path: Path) -> str:
    size = path.stat().st_size
    if size > MOST_TEMPLATE_BYTES:
        raise TemplateFaultError(f"template {path} has {size} bytes; at most {MOST_TEMPLATE_BYTES} are allowed")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise TemplateFaultError(f"template {path} is not UTF-8: {error}") from error
