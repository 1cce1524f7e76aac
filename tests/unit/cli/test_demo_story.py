"""The story as data."""

import datetime as dt
import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from datchuan.demo.audience import PlainAudience, audience_for
from datchuan.demo.board import board
from datchuan.demo.mails import Mail, parse_mail
from datchuan.demo.policy import catalog_folder, digest_time
from datchuan.demo.result import DemoResult
from datchuan.demo.snapshot import Change, Snapshot
from datchuan.demo.story import Deed, Story, StoryDateError, tell
from shared.catalog.catalog import Catalog
from shared.catalog.load import load_catalog
from shared.catalog.profiles import NO_OPTION
from shared.contracts.vocabulary import VerdictReason, VerdictStatus
from shared.runtime.clock import VN_TZ

AS_OF = dt.date(2024, 10, 15)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="module")
def story(catalog: Catalog) -> Story:
    return tell(catalog, AS_OF)


def test_the_story_is_the_same_every_time(catalog: Catalog, story: Story) -> None:
    assert tell(catalog, AS_OF) == story


def test_all_41_communes_of_the_four_districts_report(story: Story) -> None:
    reported = {value["orgUnit"] for document in story.steps[0].documents for value in document["dataValues"]}

    assert len(reported) == 41
    assert reported == {unit.code for unit in story.communes}


def test_the_last_step_says_again_all_that_was_said(story: Story) -> None:
    *told, replay = story.steps

    assert replay.documents == tuple(document for step in told for document in step.documents)


def test_every_name_the_story_uses_is_in_the_source_profile(catalog: Catalog, story: Story) -> None:
    aliases = {(alias.element, alias.option) for alias in catalog.profile_by_source["hmis"].aliases}
    used = {
        (value["dataElement"], value.get("categoryOptionCombo", NO_OPTION))
        for document in story.steps[-1].documents
        for value in document["dataValues"]
    }

    assert used <= aliases


def test_nothing_is_observed_after_the_day_before(story: Story) -> None:
    moments = [
        dt.datetime.fromisoformat(value["lastUpdated"])
        for document in story.steps[-1].documents
        for value in document["dataValues"]
    ]

    assert max(moments).date() == AS_OF - dt.timedelta(days=1)


@pytest.mark.parametrize("day", [dt.date(2024, 8, 31), dt.date(2025, 1, 20), dt.date(2025, 7, 1)])
def test_a_day_on_which_the_story_has_no_ground_is_refused(catalog: Catalog, day: dt.date) -> None:
    with pytest.raises(StoryDateError, match="2024-09-01 to 2025-06-30"):
        tell(catalog, day)


def test_the_board_shows_verdicts_changes_mails_and_that_the_figures_are_synthetic() -> None:
    out = io.StringIO()
    change = Change("Xã Thụy Hùng", "xa_ntm/15.1", VerdictStatus.MET, VerdictStatus.NOT_MET, VerdictReason.BELOW_TARGET)
    mail = Mail("bhxh@example", "Chưa đạt BHYT", "Kính gửi BHXH huyện")
    snapshot = Snapshot({"Huyện Cao Lộc": {VerdictStatus.MET: 17}}, (change,), (mail,), 1, 1)

    Console(file=out, width=180).print(board(snapshot, (("tiếng Việt", "English"),), mail, height=60))

    shown = out.getvalue()
    assert [
        text
        for text in (
            "GIẢ LẬP",
            "SYNTHETIC",
            "Huyện Cao Lộc",
            "17",
            "đạt → chưa đạt",
            "Kính gửi",
            "tiếng Việt",
            "English",
        )
        if text not in shown
    ] == []


def test_a_subject_that_has_no_room_ends_after_a_whole_word() -> None:
    out = io.StringIO()
    mail = Mail("a@x.example", "Chưa đạt bảo hiểm y tế của phụ nữ trong toàn xã Thụy Hùng", "")

    Console(file=out, width=80).print(board(Snapshot(mails=(mail,)), (), None, height=60))

    assert "a@x.example  Chưa đạt bảo hiểm y tế… " in out.getvalue()


def test_it_is_said_once_whose_alerts_go_to_nobody(story: Story) -> None:
    told = [step for step in story.steps if "không gửi cho ai" in step.title_vi]

    assert [step.title_vi.partition(":")[0] for step in told] == ["Huyện Giang Thành, Huyện Bình Liêu, Huyện Ba Chẽ"]


def test_the_end_says_in_words_what_the_recompute_found() -> None:
    assert "không có sai khác" in DemoResult(1, 1, 0, 0, 1, 1, 1, 0).sentences()[0]
    assert "có 2 sai khác" in DemoResult(1, 1, 0, 0, 1, 1, 1, 2).sentences()[0]
    assert "không nguyên vẹn" in DemoResult(1, 1, 0, 0, 1, 1, 1, 0).sentences()[0]


def test_the_story_holds_acknowledges_and_releases_in_this_order(story: Story) -> None:
    assert [step.deed for step in story.steps if step.deed] == [Deed.HOLD, Deed.ACKNOWLEDGE, Deed.RELEASE]


def test_the_caption_names_the_time_of_the_digest_of_the_catalog(tmp_path: Path) -> None:
    shortly_before = dt.datetime(2024, 10, 15, 15, 58, tzinfo=VN_TZ)
    moved = load_catalog(catalog_folder(tmp_path, shortly_before))

    (held,) = (step for step in tell(moved, AS_OF).steps if step.deed is Deed.HOLD)

    assert "17:00" in held.title_vi
    assert "17:00" in held.title_en


@pytest.mark.parametrize(
    ("at", "now"), [("23:50", "23:40"), ("23:50", "23:50"), ("00:05", "23:55"), ("16:00", "15:46")]
)
def test_a_digest_that_would_leave_in_the_middle_of_the_story_leaves_later(at: str, now: str) -> None:
    began = dt.datetime.combine(AS_OF, dt.time.fromisoformat(now), VN_TZ)
    moved = digest_time(dt.time.fromisoformat(at), began)

    assert moved != dt.time.fromisoformat(at)
    assert digest_time(moved, began) == moved


@pytest.mark.parametrize("now", [dt.time(0, 0), dt.time(9, 0), dt.time(15, 44), dt.time(16, 1), dt.time(23, 59)])
def test_the_catalog_of_the_story_is_the_shipped_one_at_any_other_time(
    catalog: Catalog, tmp_path: Path, now: dt.time
) -> None:
    made = load_catalog(catalog_folder(tmp_path, dt.datetime.combine(AS_OF, now, VN_TZ)))

    assert made.policies == catalog.policies
    assert made.dispatches == catalog.dispatches


@pytest.mark.parametrize("missing", ["transitions", "alerts", "mails", "released", "acknowledged", "audit_verified"])
def test_a_demonstration_in_which_something_did_not_happen_is_not_good(missing: str) -> None:
    good = DemoResult(4, 2, 2, 0, 1, 1, 1, 0, held=1, released=1, acknowledged=1, audit_verified=1)

    assert good.is_good
    assert not replace(good, **{missing: 0}).is_good
    assert not replace(good, verify_differences=1).is_good


def test_a_pipe_gets_plain_lines_and_only_when_something_changed() -> None:
    out = io.StringIO()
    audience = audience_for(Console(file=out, width=200))
    assert isinstance(audience, PlainAudience)

    with audience:
        audience.update(Snapshot(transitions=1))
        audience.update(Snapshot(transitions=1))

    assert out.getvalue().count("transitions=1") == 1
    assert "\x1b" not in out.getvalue()


def test_a_mail_is_read_back_as_it_was_written() -> None:
    mail = parse_mail(b"To: bhxh@x.example\nSubject: =?utf-8?q?=C4=90=E1=BA=A1t?=\n\nKinh gui\n")

    assert mail == Mail("bhxh@x.example", "Đạt", "Kinh gui")
