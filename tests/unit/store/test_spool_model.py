"""The spool against a dictionary: whatever is done in whatever order, both say the same."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from samotop.queue.entry import Settled, State
from samotop.store.drafts import MEMORY_LIMIT

pytestmark = pytest.mark.slow  # long random walks


class SpoolModel(RuleBasedStateMachine):
    entries = Bundle("entries")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.contents: dict[str, bytes] = {}
        self.states: dict[str, State] = {}

    @initialize()
    def begin(self) -> None:
        from tests.unit.store.conftest import Bench

        self.bench = Bench(Path(self.folder.name))

    @rule(
        target=entries,
        size=st.one_of(st.integers(0, 5000), st.sampled_from([70_000, MEMORY_LIMIT + 1])),
        state=st.sampled_from([State.QUEUED, State.HELD]),
    )
    def store(self, size: int, state: State) -> str:
        content = os.urandom(size)
        name = self.bench.store(content, state)
        self.contents[name], self.states[name] = content, state
        return name

    @rule(name=consumes(entries))
    def finish(self, name: str) -> None:
        assert self.bench.finish(name)
        self._forget(name)

    @rule(name=consumes(entries))
    def drop(self, name: str) -> None:
        assert self.bench.admin.drop([name]) == (name in self.contents)
        self._forget(name)

    @rule(name=entries, later=st.floats(0, 1e6))
    def defer(self, name: str, later: float) -> None:
        assert self.bench.settle(Settled(name, self.bench.waiting(), due=self.bench.clock.now + later))

    @rule(name=entries)
    def hold(self, name: str) -> None:
        self.bench.admin.hold([name])
        self._set(name, State.HELD)

    @rule(name=entries)
    def release(self, name: str) -> None:
        self.bench.admin.release([name])
        self._set(name, State.QUEUED)

    @rule()
    def pass_time(self) -> None:
        self.bench.tick()

    @rule()
    def crash(self) -> None:
        """As ``kill -9``: nothing is closed."""
        self.bench.restart()

    @rule()
    def restart(self) -> None:
        self.bench.spool.close()
        self.bench.restart()

    @invariant()
    def both_say_the_same(self) -> None:
        if not hasattr(self, "bench"):
            return
        found = {entry.id: entry for entry in self.bench.admin.entries()}
        assert {name: entry.state for name, entry in found.items()} == self.states
        for name, entry in found.items():
            assert self.bench.spool.open(entry).to_bytes() == self.contents[name]
        due = self.bench.spool.due(1e12, 1000)
        assert {e.id for e in due} == {name for name, state in self.states.items() if state is State.QUEUED}

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            self.bench.restart()
            self.bench.tick()
            segments = {n for (n,) in self.bench.database.reader().execute("SELECT segment FROM entry")}
            assert self.bench.names() == segments, "no file without an entry, no entry without a file"
            self.bench.database.close()
        self.folder.cleanup()

    def _forget(self, name: str) -> None:
        self.contents.pop(name, None)
        self.states.pop(name, None)

    def _set(self, name: str, state: State) -> None:
        if name in self.states:
            self.states[name] = state


TestSpoolModel = SpoolModel.TestCase
TestSpoolModel.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
