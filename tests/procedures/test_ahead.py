"""Working ahead: the order is kept, an error comes in its place, and memory does not grow with the images."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nesqc_gmp.procedures.ahead import AHEAD, ahead


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(), max_size=20))
def test_results_are_those_of_a_plain_loop(items: list[int]) -> None:
    assert list(ahead(items, lambda n: n * 2, lambda n: n + 1)) == [n * 2 + 1 for n in items]


@pytest.mark.parametrize("stage", ["prepare", "finish"])
def test_error_comes_in_the_place_of_its_result(stage: str) -> None:
    def failing(n: int) -> int:
        if n == 3:
            raise ValueError("image 3")
        return n

    stages = (failing, int) if stage == "prepare" else (int, failing)
    results = ahead(range(6), *stages)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="image 3"):
        next(results)


def test_no_more_is_begun_than_may_be_ahead() -> None:
    begun: list[int] = []
    with closing(ahead(range(1000), lambda n: begun.append(n) or n, lambda n: n)) as results:
        for taken in range(5):
            next(results)
            time.sleep(0.01)
            assert len(begun) <= taken + 1 + AHEAD


def test_stages_run_beside_each_other_and_beside_the_caller() -> None:
    """Each stage waits until the other two are at work on other items: only possible where all three overlap."""
    together = threading.Barrier(3, timeout=20)

    def prepare(n: int) -> int:
        if n == 2:
            together.wait()
        return n

    def finish(n: int) -> int:
        if n == 1:
            together.wait()
        return n

    for n in ahead(range(3), prepare, finish):
        if n == 0:
            together.wait()


def test_what_ran_ahead_of_an_interrupted_run_ends_with_it() -> None:
    before = threading.active_count()
    results = ahead(range(100), int, int)
    next(results)
    with pytest.raises(KeyboardInterrupt):
        results.throw(KeyboardInterrupt)
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before
