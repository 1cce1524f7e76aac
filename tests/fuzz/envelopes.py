"""What bodies come wrapped in: gzip, zip, and forms of several parts."""

import gzip
import io
import zipfile
from random import Random

from tests.fuzz.json_documents import dhis2, native_json
from tests.fuzz.mutations import mutate
from tests.fuzz.other_documents import adx, csv_form, dhis2_csv
from tests.fuzz.words import sometimes

BOUNDARY = b"b"
_NAMES = ("a.json", "b/c.xml", "__MACOSX/a", "d/", "../x", "tên.csv", "a\0b", "x" * 300)
_DISPOSITIONS = (
    'form-data; name="file"; filename="a.json"', 'form-data; name="files"', 'form-data; name="period"', "form-data",
    'form-data; name="dryRun"', "form-data; name*=UTF-8''file; filename*=UTF-8''%C3%A0.csv",
    'form-data; name="a\\"b"; filename="C:\\\\x\\\\y.csv"', 'attachment; name="file"; filename=""',
)  # fmt: skip


def content(random: Random) -> bytes:
    """Return a body of any format."""
    return random.choice((native_json, dhis2, adx, dhis2_csv, csv_form))(random)


def folded(random: Random) -> bytes:
    """Return a gzip or a zip, some of them of several or nested."""
    body = content(random)
    if sometimes(random, 0.1):
        body = b"0" * random.choice((100_000, 1_000_000, 5_000_000))
    if sometimes(random, 0.5):
        stored = gzip.compress(body, mtime=0)
        return stored + random.choice((b"", b"", b"\0" * 9, stored, b"x"))
    file = io.BytesIO()
    with zipfile.ZipFile(
        file, "w", random.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2))
    ) as archive:
        for name in random.sample(_NAMES, random.choice((1, 1, 1, 2, 0))):
            archive.writestr(zipfile.ZipInfo(name), folded(random) if sometimes(random, 0.1) else body)
    return file.getvalue()


def form(random: Random) -> bytes:
    """Return a form with the boundary `b`."""
    parts = []
    for _ in range(random.randrange(5)):
        body = random.choice((content, content, folded, lambda _: b"2024-09", lambda _: b"true"))(random)
        head = f"Content-Disposition: {random.choice(_DISPOSITIONS)}\r\n"
        head += random.choice(
            ("", "Content-Type: application/json\r\n", "Content-Transfer-Encoding: base64\r\n", "X: y\r\n")
        )
        parts.append(b"--" + BOUNDARY + b"\r\n" + head.encode() + b"\r\n" + body + b"\r\n")
    return b"".join(parts) + b"--" + BOUNDARY + random.choice((b"--\r\n", b"--", b""))


def head(random: Random) -> bytes:
    """Return a content type, a file name and the beginning of a body, each in a line."""
    media = random.choice(("", "application/json", "text/csv", "application/xml", "application/x-ndjson", "x/y; z=1"))
    name = random.choice(("", "a.csv", "b.ndjson", "c.xls"))
    body = random.choice((content, folded, form))(random)
    return f"{media}\n{name}\n".encode() + (mutate(random, body, ()) if sometimes(random, 0.5) else body)
