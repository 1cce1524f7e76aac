"""The profiles, forms and polls that the documentation shows can be used as they stand, and no field is left out."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from services.ingest.adapters.polling.polls import Poll, load_polls
from services.ingest.adapters.web.import_parameters import ImportParameters
from services.ingest.adapters.web.import_report import ConflictFace, ReportFace
from services.ingest.adapters.web.problems import problem_of
from services.ingest.domain import errors
from services.ingest.domain.forecast import AlertForecast, Forecast, VerdictForecast
from services.ingest.domain.periods import parse_period
from services.ingest.domain.polls import PollFailure
from shared.catalog.forms import Column, Form, FormWords, Holds
from shared.catalog.load import SHIPPED, load_catalog
from shared.catalog.profiles import Alias, Category, SourceProfile

DOCS = Path(__file__).resolve().parents[2] / "docs"
YAML_BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# The errors of a whole request that need nothing to be made.
SAID_OF_ALL = [error for error in errors.IngestError.__subclasses__() if "__init__" not in vars(error)]
PERIODS = re.compile(r"^\| (`2024.*?) \|", re.MULTILINE)


def blocks(page: str, key: str) -> list[str]:
    """The YAML blocks of a page that have a key at their top."""
    found = YAML_BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))
    return [block for block in found if key in yaml.safe_load(block)]


@pytest.mark.parametrize(("key", "folder"), [("aliases", "profiles"), ("columns", "forms")])
def test_what_the_page_on_profiles_shows_fits_into_the_shipped_catalog(tmp_path: Path, key: str, folder: str) -> None:
    (block,) = blocks("profiles.md", key)
    copied = tmp_path / "catalog"
    shutil.copytree(SHIPPED, copied)
    (copied / folder / "shown.yaml").write_text(block, encoding="utf-8")

    catalog = load_catalog(copied)

    assert len(getattr(catalog, folder)) == len(getattr(load_catalog(None), folder)) + 1


def test_the_poll_that_the_page_on_polling_shows_can_be_loaded(tmp_path: Path) -> None:
    (block,) = blocks("polling.md", "polls")
    (tmp_path / "polls.yaml").write_text(block, encoding="utf-8")

    (poll,) = load_polls(tmp_path / "polls.yaml", ["hmis"])

    assert poll.credentials_file == tmp_path / "secrets/so-y-te"


def test_every_period_that_the_page_on_profiles_shows_is_one() -> None:
    section = (DOCS / "profiles.md").read_text(encoding="utf-8").split("\n## Periods\n")[1]
    shown = [text for row in PERIODS.findall(section) for text in re.findall(r"`(2024[^`]*)`", row)]

    assert len(shown) > 30
    assert [text for text in shown if parse_period(text) is None] == []


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("profiles.md", [*SourceProfile.model_fields, *Alias.model_fields, *Category.model_fields]),
        ("profiles.md", [*Form.model_fields, *Column.model_fields, *FormWords.model_fields, *Holds]),
        ("polling.md", [*Poll.model_fields, *PollFailure]),
        ("intake.md", [*ReportFace.__struct_fields__, *ConflictFace.__struct_fields__]),
        ("intake.md", [*Forecast.__struct_fields__, *VerdictForecast.__struct_fields__]),
        ("intake.md", [*AlertForecast.__struct_fields__]),
        ("intake.md", [name for name in ImportParameters.__struct_fields__ if "_" not in name]),
        ("intake.md", [problem_of(error()).slug for error in SAID_OF_ALL]),
    ],
)
def test_a_page_names_everything_that_can_be_written_or_answered(page: str, names: list[str]) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")

    assert [str(name) for name in names if f"`{name}`" not in text] == []
