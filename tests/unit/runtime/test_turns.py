"""The order in which reads may enter the handler."""

import asyncio

import pytest

from shared.runtime.turns import StoppingError, Turn, Turns


async def begun(turn: Turn) -> bool:
    """Tell whether the turn may begin its next try now; it has entered when it may."""
    try:
        async with asyncio.timeout(0.01):
            await turn.__aenter__()
    except TimeoutError:
        return False
    return True


async def fail(turn: Turn) -> None:
    await turn.__aexit__(ValueError, ValueError(), None)


async def succeed(turn: Turn) -> None:
    await turn.__aexit__(None, None, None)
    turn.close()


async def open_turns(in_flight: int, count: int) -> list[Turn]:
    turns = Turns(in_flight, asyncio.Event())
    return [await turns.open() for _ in range(count)]


async def test_so_many_reads_are_inside_at_once_and_begin_in_order() -> None:
    first, second, third = await open_turns(2, 3)

    assert not await begun(second)
    assert await begun(first)
    assert await begun(second)
    assert not await begun(third)
    await succeed(second)
    assert await begun(third)


async def test_one_read_more_than_may_be_inside_is_prepared() -> None:
    turns = Turns(2, asyncio.Event())
    first, *_ = [await turns.open() for _ in range(3)]
    opening = asyncio.create_task(turns.open())
    done, _ = await asyncio.wait({opening}, timeout=0.01)
    assert not done

    first.close()

    assert await opening


async def test_a_failed_read_is_tried_again_alone_and_before_all_later_ones() -> None:
    first, second, third = await open_turns(2, 3)
    assert await begun(first)
    assert await begun(second)
    await fail(first)

    assert not await begun(first)
    assert not await begun(third)
    await fail(second)
    assert not await begun(second)
    assert await begun(first)
    assert not await begun(second)
    await succeed(first)
    assert await begun(second)
    assert not await begun(third)
    await succeed(second)
    assert await begun(third)


async def test_the_messages_of_a_failed_read_are_tried_one_by_one_with_nothing_between_them() -> None:
    first, second = await open_turns(2, 2)
    assert await begun(first)
    await fail(first)
    assert await begun(first)
    await first.__aexit__(None, None, None)

    assert not await begun(second)
    assert await begun(first)
    await succeed(first)
    assert await begun(second)


async def test_a_read_that_never_entered_holds_nobody_up_once_closed() -> None:
    first, second = await open_turns(1, 2)

    first.close()

    assert await begun(second)


async def test_nobody_begins_once_the_consumer_stops() -> None:
    stopping = asyncio.Event()
    turns = Turns(1, stopping)
    inside, waiting = await turns.open(), await turns.open()
    assert await begun(inside)
    entering, opening = asyncio.create_task(waiting.__aenter__()), asyncio.create_task(turns.open())
    await asyncio.wait({entering, opening}, timeout=0.01)

    stopping.set()
    turns.stop()

    results = await asyncio.gather(entering, opening, return_exceptions=True)
    assert [type(result) for result in results] == [StoppingError, StoppingError]
    with pytest.raises(StoppingError):
        await turns.open()
