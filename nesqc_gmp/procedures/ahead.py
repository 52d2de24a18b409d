"""Work on the next images while the result of one is being committed.

Decoding, inference and the commit each wait for something else (memory, arithmetic, the disk), so two threads run
ahead of the commit. Nothing is shown or kept of what ran ahead until its own result is committed, in the order given;
what was not committed when a run ends is discarded unseen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Prepared = TypeVar("Prepared")
Result = TypeVar("Result")

AHEAD = 2
"""Images worked on beyond the one that is being committed; bounds the memory, whatever the number of images."""


def ahead(
    items: Iterable[Item], prepare: Callable[[Item], Prepared], finish: Callable[[Prepared], Result]
) -> Generator[Result, None, None]:
    """Results in the order of the items; an error of a stage is raised in the place of its result.

    Args:
        items: What to work on.
        prepare: First stage; runs in one thread of its own, one item after the other.
        finish: Second stage; runs in another thread, one item after the other.
    """
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        waiting: deque[Future[Result]] = deque()

        def begin(item: Item) -> None:
            prepared = first.submit(prepare, item)
            waiting.append(second.submit(lambda: finish(prepared.result())))

        try:
            for item in items:
                begin(item)
                if len(waiting) > AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for executor in (second, first):
                executor.shutdown(wait=False, cancel_futures=True)
