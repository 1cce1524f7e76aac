"""Which files an operator means, what is in archives, and how files become requests."""

import gzip
import io
import json
import zipfile
from pathlib import Path

import pytest

from datchuan.sending.folders import Item, find_files, open_items
from datchuan.sending.pieces import cut_item, format_of
from services.ingest.domain.reading import PayloadFormat

EVENT = {"id": "1", "commune": "06208", "indicator": "x"}


def an_item(body: bytes, name: str = "a.json") -> Item:
    return Item(name, name, io.BytesIO(body), len(body))


def zipped(path: Path, **entries: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def told(path: Path) -> list[tuple[str, bytes, str]]:
    return [
        (item.path.rpartition("/")[2], item.content.read() if item.content else b"", item.problem)
        for item in open_items(path)
        if item.content is None or item.content.seek(0) == 0
    ]


def test_folders_are_walked_in_order_and_what_is_passed_over_is_named(tmp_path: Path) -> None:
    for name in ("b.csv", "a/x.json", ".hidden.csv", "~$lock.xlsx", "letter.docx", "a/.git/config.json", "README"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x", encoding="utf-8")

    found = find_files([tmp_path / "b.csv", tmp_path])

    assert [file.relative_to(tmp_path).as_posix() for file in found.files] == ["b.csv", "a/x.json"]
    reasons = {file.name: reason for file, reason in found.skipped}
    assert reasons == {
        ".hidden.csv": "hidden",
        "~$lock.xlsx": "hidden",
        "letter.docx": "the ending .docx is that of no format that is read",
        "README": "the ending (none) is that of no format that is read",
    }


def test_a_file_that_is_named_is_tried_whatever_its_ending(tmp_path: Path) -> None:
    file = tmp_path / "report"
    file.write_text("x", encoding="utf-8")

    assert find_files([file]).files == [file]


def test_a_zip_of_many_files_is_unpacked_in_order(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", **{"z.csv": b"z", "in/a.csv": b"a", "__MACOSX/a.csv": b"no", ".x": b"no"})

    assert told(path) == [("a.csv", b"a", ""), ("a.zip!z.csv", b"z", "")]


def test_a_gzip_is_unpacked_and_loses_its_ending(tmp_path: Path) -> None:
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress(b"[]"))

    (item,) = [(item.name, item.size) for item in open_items(path)]

    assert item == ("a.json", 2)


def test_a_workbook_is_a_zip_that_is_sent_as_it_is(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.xlsx", **{"[Content_Types].xml": b"", "xl/workbook.xml": b""})

    (item,) = [(item.name, item.size) for item in open_items(path)]

    assert item == ("a.xlsx", path.stat().st_size)


def test_an_archive_in_an_archive_is_named_and_its_neighbours_are_sent(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", **{"x.csv": b"x"}).read_bytes()
    path = zipped(tmp_path / "a.zip", **{"a.csv": b"a", "b.zip": inner, "c.json.gz": gzip.compress(b"c")})

    assert [problem for _, _, problem in told(path)] == ["", *["It is an archive inside an archive: unpack it."] * 2]


@pytest.mark.parametrize(
    ("name", "body"),
    [("a.zip", b"PK\x03\x04broken"), ("a.gz", b"\x1f\x8bbroken"), ("cut.gz", gzip.compress(b"x" * 9_000)[:-9])],
)
def test_a_broken_archive_is_told(tmp_path: Path, name: str, body: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(body)

    (item,) = told(path)
    assert item[2].endswith("broken or cut off.")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    assert [item.problem for item in open_items(tmp_path / "nowhere.json")] == [
        "It cannot be read: No such file or directory."
    ]


def test_what_unpacks_to_more_than_is_taken_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.json.gz"
    path.write_bytes(gzip.compress(bytes(9 * 1024**2)))

    (item,) = open_items(path, most_bytes=8 * 1024**2)

    assert item.problem == "Unpacked it is larger than 8 MB."


@pytest.mark.parametrize("lines_bytes", [1, 100, 10_000, 1_000_000])
def test_lines_are_cut_into_requests_and_none_is_lost(lines_bytes: int) -> None:
    body = b"\n".join(json.dumps({**EVENT, "id": str(number)}).encode() for number in range(2_500))

    pieces = list(cut_item(an_item(body), PayloadFormat.NDJSON, lines_bytes))

    texts = [b"".join(piece.chunks()) for piece in pieces]
    assert b"".join(texts) == body
    assert [piece.lines_before for piece in pieces] == [b"".join(texts[:n]).count(b"\n") for n in range(len(pieces))]


def test_a_file_in_any_other_format_is_one_request() -> None:
    (piece,) = cut_item(an_item(b'{"dataValues":[]}'), PayloadFormat.DHIS2, 1)

    assert b"".join(piece.chunks()) == b'{"dataValues":[]}'


def test_the_format_is_read_from_the_content_and_left_to_ingest_when_it_is_none() -> None:
    assert format_of(an_item(json.dumps(EVENT).encode())) is PayloadFormat.NATIVE_JSON
    assert format_of(an_item(b'{"id"', "a.jsonl")) is PayloadFormat.NDJSON
    assert format_of(an_item(b"%PDF-1.4", "a.csv")) is None
