"""The documentation speaks of what is there: links, paths, commands, code blocks, and the form of decisions."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

SECTIONS = ["Context", "Decision", "Consequences", "Alternatives", "References"]
LINK = re.compile(r"(?<!!)\[[^\]]+\]\((?P<target>[^)\s]+)\)")
FENCE = re.compile(r"^```(?P<language>\w*)[^\n]*\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
# `services/ingest/app.py`, `docs/operations.md`, `deploy/`: a path of ours in backticks.
OUR_PATH = re.compile(r"`(?P<path>(services|shared|datchuan|deploy|docs|tests|benchmarks)/[\w./-]*)(::?[\w.]+)?`")
MADE_BY_OPERATORS = ("deploy/secrets/", "deploy/datchuan.env")
COMMAND_LINE = re.compile(
    r"^(?:\w+=\S+ )*(?:docker compose exec (?:--\S+ )*\w+ )?"
    r"(?P<program>make|datchuan|\.venv/bin/datchuan)\b(?P<rest>[^|#&>]*)"
)


@pytest.fixture(scope="module")
def pages(root: Path, files: list[Path]) -> dict[Path, str]:
    """Every page of documentation by its path."""
    return {path: (root / path).read_text(encoding="utf-8") for path in files if path.suffix == ".md"}


@pytest.fixture(scope="module")
def targets(root: Path) -> set[str]:
    """The targets of the Makefile."""
    return set(re.findall(r"^([a-z][a-z-]*):", (root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.fixture(scope="module")
def command() -> Any:
    """The command line `datchuan`."""
    from datchuan.cli.main import app  # imported here: the other tests need no command line

    return typer.main.get_command(app)


def blocks(pages: dict[Path, str]) -> Iterator[tuple[Path, str, str]]:
    for path, text in pages.items():
        for match in FENCE.finditer(text):
            yield path, match["language"], match["body"]


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def commands(pages: dict[Path, str]) -> Iterator[tuple[Path, str, str]]:
    """Page, program and arguments of each command line that a page shows."""
    for path, language, body in blocks(pages):
        for line in body.splitlines() if language in ("sh", "bash", "console") else ():
            match = COMMAND_LINE.match(line.strip().removeprefix("$ "))
            if match:
                yield path, match["program"].split("/")[-1], match["rest"].strip()


def test_every_link_leads_to_a_file_and_heading_that_is_there(root: Path, pages: dict[Path, str]) -> None:
    dead = []
    for path, text in pages.items():
        for match in LINK.finditer(text):
            target, _, anchor = match["target"].partition("#")
            if "://" in target or target.startswith("mailto:"):
                continue
            file = (root / path.parent / target).resolve() if target else root / path
            if not file.exists() or (anchor and anchor not in anchors(file.read_text(encoding="utf-8"))):
                dead.append(f"{path}: {match[0]}")

    assert dead == []


def test_every_path_of_ours_that_a_page_names_is_there(root: Path, pages: dict[Path, str]) -> None:
    gone = [
        f"{path}: {match['path']}"
        for path, text in pages.items()
        if path.name != "CHANGELOG.md"
        for match in OUR_PATH.finditer(text)
        if not (root / match["path"]).exists() and not match["path"].startswith(MADE_BY_OPERATORS)
    ]

    assert gone == []


def test_every_json_and_yaml_block_can_be_read(pages: dict[Path, str]) -> None:
    for _, language, body in blocks(pages):
        if language == "json":
            json.loads(body)
        elif language in ("yaml", "yml"):
            yaml.safe_load(body)


def test_every_block_names_its_language(pages: dict[Path, str]) -> None:
    assert [f"{path}: {body[:40]}" for path, language, body in blocks(pages) if not language] == []


def test_every_make_target_that_a_page_shows_is_there(pages: dict[Path, str], targets: set[str]) -> None:
    shown = [
        (path, word)
        for path, program, rest in commands(pages)
        if program == "make"
        for word in rest.split()
        if re.fullmatch(r"[a-z][a-z-]*", word)
    ]

    assert shown
    assert [f"{path}: make {word}" for path, word in shown if word not in targets] == []


def test_every_datchuan_command_and_option_that_a_page_shows_is_there(pages: dict[Path, str], command: Any) -> None:
    shown = [(path, rest) for path, program, rest in commands(pages) if program == "datchuan"]

    assert shown
    assert [f"{path}: datchuan {rest}" for path, rest in shown if not is_known(command, rest.split())] == []


def is_known(command: Any, words: list[str]) -> bool:
    current = command
    for word in words:
        if word.startswith("--"):
            options = {name for parameter in current.params for name in (*parameter.opts, *parameter.secondary_opts)}
            if word.split("=")[0] not in options | {"--help"}:
                return False
        elif hasattr(current, "commands"):
            if word not in current.commands:
                return False
            current = current.commands[word]
    return True


def test_the_readme_shows_how_to_see_it_and_how_to_test_it(pages: dict[Path, str]) -> None:
    for name in ("README.md", "README.vi.md"):
        shown = {f"make {rest}" for path, program, rest in commands(pages) if path == Path(name) and program == "make"}
        assert {"make demo", "make test"} <= shown, name


def test_every_decision_is_numbered_in_a_row_and_has_the_sections(pages: dict[Path, str]) -> None:
    decisions = sorted(path for path in pages if path.parent == Path("docs/decisions"))

    assert [path.name[:5] for path in decisions] == [f"{number:04}-" for number in range(1, len(decisions) + 1)]
    for path in decisions:
        assert re.findall(r"^## (.+)$", pages[path], re.MULTILINE) == SECTIONS, path
        assert pages[path].startswith(f"# {path.name[:4]} "), path


def test_a_decision_says_what_is_decided_in_one_sentence(pages: dict[Path, str]) -> None:
    for path, text in pages.items():
        if path.parent == Path("docs/decisions"):
            decision = text.split("## Decision")[1].split("## ")[0].strip()
            assert "\n\n" not in decision, path
            assert decision.endswith("."), path
            assert not re.search(r"\. [A-Z]", decision), path


def test_the_changelog_has_an_entry_for_the_version_of_the_project(root: Path, pages: dict[Path, str]) -> None:
    version = re.search(r'^version = "(.+)"$', (root / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)

    assert version
    assert re.search(rf"^## \[({re.escape(version[1])}|Unreleased)\]", pages[Path("CHANGELOG.md")], re.MULTILINE)
