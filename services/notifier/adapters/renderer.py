"""Turns messages into text with the templates beside this package, in a sandbox that can call nothing of ours."""

from dataclasses import fields
from pathlib import Path

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, select_autoescape
from jinja2.sandbox import ImmutableSandboxedEnvironment

from services.notifier.domain.citing import CitationView, ClauseView
from services.notifier.domain.message import ItemView, Message
from services.notifier.domain.ports import RenderingError

TEMPLATES = Path(__file__).parent.parent / "templates"


_VIEWS: dict[type[object], frozenset[str]] = {
    view: frozenset(field.name for field in fields(view)) for view in (Message, ItemView, CitationView, ClauseView)
}


class _Environment(ImmutableSandboxedEnvironment):
    """A sandbox that knows the fields of our own views as safe: they are plain values, and nearly all that is asked."""

    def getattr(self, obj: object, attribute: str) -> object:
        """Return an attribute, or what stands for one that may not be read."""
        if attribute in _VIEWS.get(type(obj), ()):
            return getattr(obj, attribute)
        return super().getattr(obj, attribute)


class TemplateRenderer:
    """Renders the body of a message; an unknown name in a template is an error, never an empty line."""

    def __init__(self, folder: Path = TEMPLATES) -> None:
        environment = _Environment(
            loader=FileSystemLoader(folder),
            undefined=StrictUndefined,
            autoescape=select_autoescape(),
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
        )
        self._template = environment.get_template("message.txt")

    def render(self, message: Message) -> str:
        """Return the body as text."""
        try:
            return self._template.render(message=message)
        except TemplateError as error:
            raise RenderingError(f"The template message.txt cannot be rendered: {error}") from error
