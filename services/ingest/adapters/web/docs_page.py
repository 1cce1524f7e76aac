"""The description of the endpoints as a page that needs no script and no other server."""

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

_STYLE: Final = (
    "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}pre{background:#f4f4f4;"
    "padding:.5rem;overflow:auto}td,th{text-align:left;vertical-align:top;padding:.2rem .8rem .2rem 0}"
    "h2{border-top:1px solid #ccc;padding-top:1rem}"
)


def docs_page(document: Mapping[str, Any]) -> str:
    """Return the page of an OpenAPI document."""
    title = escape(document["info"]["title"])
    return (
        f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f'<h1>{title}</h1><p>For machines: <a href="/openapi.json">/openapi.json</a>. '
        "Tokens go into the header <code>Authorization: Bearer TOKEN</code>.</p>"
        f"{''.join(_operations(document['paths']))}</html>"
    )


def _operations(paths: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for path, methods in paths.items():
        for method, operation in methods.items():
            yield f"<h2>{method.upper()} <code>{escape(path)}</code></h2><p><b>{escape(operation['summary'])}</b></p>"
            for paragraph in operation.get("description", "").split("\n\n"):
                yield f"<p>{escape(paragraph)}</p>"
            yield from _table("Parameters", _parameters(operation))
            yield from _examples(operation.get("requestBody", {}).get("content", {}))
            yield from _table("Answers", [(status, _answer(told)) for status, told in operation["responses"].items()])


def _parameters(operation: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (parameter["name"], f"{parameter.get('description', '')} {_choices(parameter['schema'])}")
        for parameter in operation.get("parameters", [])
    ]


def _choices(schema: Mapping[str, Any]) -> str:
    return f"One of: {', '.join(schema['enum'])}." if "enum" in schema else ""


def _answer(told: Mapping[str, Any]) -> str:
    media = ", ".join(told.get("content", {}))
    return f"{told['description']} ({media})" if media else told["description"]


def _table(title: str, rows: list[tuple[str, str]]) -> Iterator[str]:
    if rows:
        cells = "".join(f"<tr><th>{escape(name)}<td>{escape(text)}" for name, text in rows)
        yield f"<h3>{title}</h3><table>{cells}</table>"


def _examples(content: Mapping[str, Any]) -> Iterator[str]:
    for media, body in content.items():
        yield f"<h3>Content-Type: <code>{escape(media)}</code></h3>"
        example = body.get("example")
        if example is not None:
            text = example if isinstance(example, str) else json.dumps(example, ensure_ascii=False, indent=2)
            yield f"<pre>{escape(text)}</pre>"
