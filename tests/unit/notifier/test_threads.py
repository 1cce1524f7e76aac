"""All mails about one alert are one conversation in a mail reader, for each addressee."""

import email
import email.policy

import pytest

from services.notifier.adapters.mime import mail_of
from services.notifier.domain.delivery import Delivery
from services.notifier.domain.grouping import Group
from services.notifier.domain.message import MAX_REFERENCES, compose
from services.notifier.domain.specimens import Wish, specimen
from shared.catalog.catalog import Catalog
from shared.catalog.load import SHIPPED, load_catalog
from shared.contracts.vocabulary import Channel, NoticeKind, Role
from shared.testing.verdicts import MORNING

BHXH = "bhxh.caoloc@langson.example"
STEM = "[Đạt Chuẩn] Xã Thụy Hùng: chỉ tiêu 15.1 người dân tham gia BHYT (nữ)"
LIFE = (
    NoticeKind.AT_RISK,
    NoticeKind.OPENED,
    NoticeKind.RULESET_CHANGE,
    NoticeKind.DATA_LOST,
    NoticeKind.FLAPPING,
    NoticeKind.REMINDER,
    NoticeKind.ESCALATED,
    NoticeKind.RESOLVED,
)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(SHIPPED)


def told(catalog: Catalog, notice: NoticeKind, address: str, earlier: dict[tuple[str, str], tuple[str, ...]]) -> bytes:
    """Return the mail of a notice to an address that had earlier ones."""
    rule = catalog.rule_for("xa_ntm/15.1", MORNING.date())
    assert rule is not None
    wish = Wish(catalog.unit_by_id["06208"], rule, "female", Role.LEAD, notice)
    found, material = specimen(catalog, wish, MORNING)
    material.threads.update(earlier)
    message = compose(catalog, Group(found.channel, address, found.items, found.entry_ids), material, MORNING, 20)
    delivery = Delivery(
        id="d",
        channel=Channel.MAIL,
        address=address,
        message_id=f"<{notice}@x>",
        references=message.references,
        subject=message.subject,
        body="text",
        payload="",
        created_at=MORNING,
        attempts=1,
    )
    return mail_of(delivery, "Đạt Chuẩn <datchuan@langson.example>")


def headers(mail: bytes) -> tuple[str, str | None, list[str]]:
    read = email.message_from_bytes(mail, policy=email.policy.default)
    return str(read["Subject"]), read["In-Reply-To"], str(read["References"] or "").split()


@pytest.mark.parametrize("notice", LIFE)
def test_every_subject_about_an_alert_begins_alike_and_is_no_answer(catalog: Catalog, notice: NoticeKind) -> None:
    subject, _, _ = headers(told(catalog, notice, BHXH, {}))

    assert subject.startswith(STEM)
    assert "Re:" not in subject


@pytest.mark.parametrize("notice", LIFE)
def test_what_follows_answers_the_last_mail_to_this_address_about_the_alert(
    catalog: Catalog, notice: NoticeKind
) -> None:
    occurrence = 3 if notice is NoticeKind.FLAPPING else 1
    alert = f"06208:xa_ntm/15.1:female:{occurrence}"
    earlier = {(BHXH, alert): ("<1@x>", "<2@x>"), ("another@x", alert): ("<3@x>",)}

    _, answers, references = headers(told(catalog, notice, BHXH, earlier))

    assert (answers, references) == ("<2@x>", ["<1@x>", "<2@x>"])


def test_the_first_mail_about_an_alert_answers_none(catalog: Catalog) -> None:
    assert headers(told(catalog, NoticeKind.OPENED, BHXH, {}))[1:] == (None, [])


def test_of_a_long_conversation_the_first_mail_and_the_newest_are_referred_to(catalog: Catalog) -> None:
    ids = tuple(f"<{number}@x>" for number in range(50))

    _, answers, references = headers(
        told(catalog, NoticeKind.REMINDER, BHXH, {(BHXH, "06208:xa_ntm/15.1:female:1"): ids})
    )

    assert (answers, len(references)) == ("<49@x>", MAX_REFERENCES)
    assert references == [ids[0], *ids[-19:]]
