"""Says in which format a sent file is, by endpoint; data of persons is refused as such whatever it is wrapped in."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from services.ingest.adapters.formats import cloudevents
from services.ingest.adapters.formats.detecting import Accepted, check_format, detect, detect_among
from services.ingest.adapters.web.import_parameters import ImportParameters
from services.ingest.adapters.web.uploads import SentFile, Upload
from services.ingest.domain.errors import BodyTooLargeError, UnsupportedFormatError
from services.ingest.domain.privacy import refuse_personal_text
from services.ingest.domain.reading import PayloadFormat


def declared_format(accepted: Accepted, file: SentFile) -> PayloadFormat:
    """Return the format of a file at an endpoint for certain formats."""
    with _refusing_personal_data(file):
        return detect_among(accepted, file.content_type, file.head)


def format_of(file: SentFile, asked: ImportParameters) -> PayloadFormat:
    """Return the format of a file at the endpoint for all formats: its content says it."""
    with _refusing_personal_data(file):
        if asked.format is not None:
            return check_format(asked.format, file.head)
        return detect(file.content_type, file.name, file.head)


def with_binary_event(headers: Mapping[str, str], upload: Upload) -> Upload:
    """Return the upload; a CloudEvent whose attributes are headers gets its structured form."""
    if upload.is_form or not cloudevents.is_binary(headers):
        return upload
    if upload.files[0].large is not None:
        raise BodyTooLargeError("One CloudEvent is never that large: send a batch, or its data by itself.")
    (file,) = upload.files
    if file.large is not None:
        raise BodyTooLargeError("A CloudEvent of this size is not read in binary mode: send its data as they are.")
    body = cloudevents.from_binary(headers, file.body)
    return Upload(files=(SentFile(body=body, content_type="application/cloudevents+json"),))


@contextmanager
def _refusing_personal_data(file: SentFile) -> Iterator[None]:
    try:
        yield
    except UnsupportedFormatError:
        refuse_personal_text(file.body or file.head)
        raise
