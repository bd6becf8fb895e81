"""Threads over a stream: order, bounds, and an end whatever happens."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from genderscope.core.parallel import AHEAD, ordered


def threads() -> int:
    return threading.active_count()


def slow_where_even() -> Callable[[int], int]:
    def function(item: int) -> int:
        if item % 2 == 0:
            time.sleep(0.002)
        return item * item

    return function


@pytest.mark.parametrize("count", [1, 2, 5])
def test_results_come_in_the_order_of_the_items(count: int) -> None:
    before = threads()
    assert list(ordered(slow_where_even, range(60), count)) == [n * n for n in range(60)]
    assert threads() == before


def test_no_items_are_no_results() -> None:
    assert list(ordered(slow_where_even, [], 2)) == []


@pytest.mark.parametrize("count", [1, 3])
def test_few_items_are_taken_ahead(count: int) -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        while True:
            taken += 1
            yield taken

    results = ordered(slow_where_even, items(), count)
    for seen in range(1, 50):
        next(results)
        assert taken - seen < AHEAD * count
    results.close()


def test_each_thread_has_a_function_of_its_own() -> None:
    made: list[int] = []

    def make() -> Callable[[int], int]:
        owner = threading.get_ident()
        made.append(owner)

        def function(item: int) -> int:
            assert threading.get_ident() == owner
            time.sleep(0.001)
            return item

        return function

    assert list(ordered(make, range(40), 4)) == list(range(40))
    assert len(set(made)) == len(made) <= 4


@pytest.mark.parametrize("error", [OSError("gone"), KeyboardInterrupt(), SystemExit(3)])
def test_an_error_in_a_thread_comes_in_its_place_and_ends_them_all(error: BaseException) -> None:
    before = threads()
    begun: list[int] = []

    def make() -> Callable[[int], int]:
        def function(item: int) -> int:
            begun.append(item)
            if item == 7:
                raise error
            return item

        return function

    results = ordered(make, range(1000), 3)
    assert [next(results) for _ in range(7)] == list(range(7))
    with pytest.raises(type(error)):
        next(results)
    assert threads() == before
    assert max(begun) < 7 + 1 + AHEAD * 3


def test_an_error_in_the_items_ends_the_threads() -> None:
    before = threads()

    def items() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(ordered(slow_where_even, items(), 2))
    assert threads() == before


def test_an_error_while_a_thread_begins_is_raised() -> None:
    def make() -> Callable[[int], int]:
        raise ValueError("no detector")

    with pytest.raises(ValueError, match="no detector"):
        list(ordered(make, range(9), 2))


def test_closing_ends_the_threads() -> None:
    before = threads()
    results = ordered(slow_where_even, range(1000), 2)
    next(results)
    results.close()
    assert threads() == before
