"""Turns messages into text with the templates beside this package, in a sandbox that can call nothing of ours."""

from pathlib import Path

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, select_autoescape
from jinja2.sandbox import ImmutableSandboxedEnvironment

from services.notifier.domain.message import Message
from services.notifier.domain.ports import RenderingError

TEMPLATES = Path(__file__).parent.parent / "templates"


class TemplateRenderer:
    """Renders the body of a message; an unknown name in a template is an error, never an empty line."""

    def __init__(self, folder: Path = TEMPLATES) -> None:
        environment = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader(folder),
            undefined=StrictUndefined,
            autoescape=select_autoescape(),
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._template = environment.get_template("message.txt")

    def render(self, message: Message) -> str:
        """Return the body as text."""
        try:
            return self._template.render(message=message)
        except TemplateError as error:
            raise RenderingError(f"The template message.txt cannot be rendered: {error}") from error
