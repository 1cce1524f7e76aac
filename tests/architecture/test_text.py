"""What must not stand in the repository: names of machines, unfinished work, silenced checks, a title we cannot see."""

import re
import unicodedata
from pathlib import Path

import pytest

TEXT = {
    ".py",
    ".md",
    ".toml",
    ".yml",
    ".yaml",
    ".json",
    ".lock",
    ".txt",
    ".j2",
    ".html",
    ".mako",
    ".env",
    ".conf",
    ".ini",
    "",
}
# Joined here so that this file does not contain what it looks for.
HOSTS = ["py" + "pi.org", "python" + "hosted", "npm" + "js", "--index" + "-url=", "--find" + "-links="]
PATHS = [f"/{folder}/" for folder in ("wo" + "rk", "ro" + "ot", "fa" + "rm", "opt/py" + "pi")]
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|NotImplemented(Error)?)\b")
SILENCED = re.compile(r"#\s*(type:\s*ignore|no" + r"qa)(?P<rest>.*)")
# A reason follows the code: `noqa: S603 - our own interpreter`, `type: ignore[misc] - the plugin has no types`.
CODES = re.compile(r"^(\[(?P<type>[\w\-, ]+)\]|:\s*(?P<rule>[A-Z]+[0-9]+(,\s*[A-Z]+[0-9]+)*))(?P<why>\s*(-|#)\s*\w+)?")
# The product sees the health part of a standard, never the title.
TITLE = re.compile("xã (đã )?đạt chuẩn " + "(NTM|nông thôn mới)", re.IGNORECASE)


@pytest.fixture(scope="module")
def texts(root: Path, files: list[Path]) -> dict[str, str]:
    """Every text file of the repository by its path."""
    return {str(path): (root / path).read_text(encoding="utf-8") for path in files if path.suffix in TEXT}


def lines_with(texts: dict[str, str], pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path}:{number} {line.strip()[:100]}"
        for path, text in texts.items()
        if pattern.search(text)
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def codes_of(codes: re.Match[str]) -> set[str]:
    return set(re.split(r",\s*", codes["type"] or codes["rule"]))


def product(texts: dict[str, str]) -> dict[str, str]:
    return {path: text for path, text in texts.items() if path.split("/")[0] in ("services", "shared", "datchuan")}


def test_no_file_names_a_package_index(texts: dict[str, str]) -> None:
    assert lines_with(texts, re.compile("|".join(map(re.escape, HOSTS)))) == []


def test_no_file_names_a_path_of_a_developers_machine(texts: dict[str, str], root: Path) -> None:
    paths = [*PATHS, f"{root}/", f"{Path.home()}/"]

    assert lines_with(texts, re.compile(r"(?<![\w.\-])(" + "|".join(map(re.escape, paths)) + ")")) == []


def test_the_product_is_finished(texts: dict[str, str]) -> None:
    assert lines_with(product(texts), UNFINISHED) == []


def test_a_silenced_check_says_which_and_its_file_says_why(texts: dict[str, str]) -> None:
    unexplained = []
    for path, text in texts.items():
        silenced = [(match[0], CODES.match(match["rest"])) for match in SILENCED.finditer(text)]
        explained = {code for _, codes in silenced if codes and codes["why"] for code in codes_of(codes)}
        unexplained += [f"{path}: {line}" for line, codes in silenced if not codes or not codes_of(codes) & explained]

    assert [line for line in unexplained if line.split(":")[0].endswith(".py")] == []


def test_the_product_never_claims_a_title_for_a_commune(texts: dict[str, str]) -> None:
    # What others have written is quoted as it is: the catalog's data and the texts of dispatches.
    quoted = re.compile(r"\.ya?ml$|/dispatches/texts/")
    code_and_templates = {p: t for p, t in product(texts).items() if not quoted.search(p)}

    assert lines_with(code_and_templates, TITLE) == []


def test_vietnamese_text_is_composed_unicode(texts: dict[str, str]) -> None:
    assert [path for path, text in texts.items() if not unicodedata.is_normalized("NFC", text)] == []
