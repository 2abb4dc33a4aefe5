"""What end-to-end tests may ask for: a home, a server of it, and one server for tests that leave nothing behind."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.serving import Homes, Served, homes, make_home, start_server

__all__ = ["homes", "make_home", "mark", "pytest_collection_modifyitems", "server", "start_server"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is an end-to-end test."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, homes: Homes) -> Iterator[Served]:
    """One server for all tests of a module; each finds its own mail by a marker (see ``mark``)."""
    folder = tmp_path_factory.mktemp("h")
    served = Served(homes.build(folder / "home"), log=folder / "log")
    try:
        served.wait_until_ready()
        yield served
        served.close()
    finally:
        served.kill()


@pytest.fixture(scope="session")
def mark() -> Callable[[], str]:
    """A word that no other message of this test run has."""
    numbers = itertools.count(1)
    return lambda: f"marker-{next(numbers):05d}-end"
