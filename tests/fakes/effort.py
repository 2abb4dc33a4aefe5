"""What an input costs, measured so that only the program can fail the test and never the machine.

``check_linear`` compares what one size of input costs with what four times
that size costs: linear work costs four times as much, quadratic work sixteen.
It counts the processor time of this thread alone, with the garbage collector
off, so that other programs, other threads and a machine that waits change
nothing. What remains (a shared cache, a processor that changes its speed)
makes single measurements longer at times: each is repeated and the least
counts, and one quiet attempt out of several is enough to pass. It is the ratio
that is judged: no number of seconds fails a test.

``check_bounded`` is for a worst case of which there is no smaller one to
compare with. It runs it and leaves it to the test's own time-out, which the
test sets (``@pytest.mark.timeout(60)``), to end work that does not end.

Neither looks at what is found. ``check_linear`` raises `AssertionError`.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from functools import cache
from time import thread_time
from typing import Final, TypeVar

T = TypeVar("T")

GROWTH: Final = 4
BOUND: Final = 10.0
"""Between 4, which is linear, and 16, which is quadratic; well above 4, since n log n and a colder cache are fine."""
ATTEMPTS: Final = 5
RUNS: Final = 3
LEAST: Final = 0.001
"""Seconds that one measurement takes at least, by repetition: a shorter one would measure the clock."""
FLOOR: Final = 0.0005
"""Seconds that are nothing. Small beside `LEAST`, so that quadratic work (16 times that) is still found."""
REPEATS_LIMIT: Final = 1 << 16

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
"""Parameters of mallopt(3)."""
_KEPT: Final = 1 << 25
"""Octets that the allocator may keep: the most that it takes for a threshold."""


def check_linear(run: Callable[[int], object], size: int) -> None:
    """Check that ``run(4 * size)`` costs in proportion to ``run(size)``.

    ``run`` makes its input by itself, which counts; where that is dear beside
    the work that is to be judged, let it make each size once
    (`functools.cache`). ``size`` is in whatever unit ``run`` takes. It should be
    large enough that what does not grow with it does not hide what does.
    """
    keep_memory()
    found: list[float] = []
    for _ in range(ATTEMPTS):
        repeats = count_repeats(run, size)
        small = min(cost(run, size, repeats) for _ in range(RUNS))
        for _ in range(RUNS):  # the least of them counts, so that the first one that is small enough decides
            large = cost(run, GROWTH * size, repeats)
            if large < BOUND * small + FLOOR:
                return
            found.append(large / small)
    raise AssertionError(f"{GROWTH} times the input costs {min(found):.1f} times as much, {ATTEMPTS} times over")


@cache
def keep_memory() -> None:
    """Tell the allocator to give no memory back, as far as it is glibc's.

    Otherwise blocks above 128 KiB are fetched from the kernel anew each time, page by page, and those below are not:
    the larger input costs ten times as much, for reasons that are not the program's.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _KEPT)
        mallopt(_TRIM_THRESHOLD, _KEPT)


def check_bounded(run: Callable[[], T]) -> T:
    """What ``run`` returns, if it does before the time-out of the test.

    The input should be so large that work which grows too fast takes minutes.
    """
    return run()


def count_repeats(run: Callable[[int], object], size: int) -> int:
    """How often to run it to have something to measure."""
    repeats = 1
    while cost(run, size, repeats) < LEAST and repeats < REPEATS_LIMIT:
        repeats *= 2
    return repeats


def cost(run: Callable[[int], object], size: int, repeats: int) -> float:
    """Seconds of this thread's processor time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        begun = thread_time()
        for _ in range(repeats):
            run(size)
        return thread_time() - begun
    finally:
        if was_on:
            gc.enable()
