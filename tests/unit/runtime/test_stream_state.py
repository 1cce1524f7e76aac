"""What a consumer group says of itself."""

import pytest

from shared.runtime.stream_state import GroupState


@pytest.mark.parametrize(
    ("last_delivered", "oldest_pending", "handled"),
    [
        (b"9-5", None, True),
        (b"10-0", None, True),
        (b"9-4", None, False),
        (b"0-0", None, False),
        (b"10-0", b"9-6", True),
        (b"10-0", b"9-5", False),
        (b"10-0", b"8-7", False),
    ],
)
def test_a_group_has_handled_a_message_when_it_was_given_it_and_owes_nothing_up_to_it(
    last_delivered: bytes, oldest_pending: bytes | None, *, handled: bool
) -> None:
    state = GroupState(lag=3, pending=0, last_delivered=last_delivered, oldest_pending=oldest_pending)

    assert state.has_handled(b"9-5") is handled
