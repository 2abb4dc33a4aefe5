"""The pytest fixtures: found by pytest through the package's entry point."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from samotop.testing.catcher import MailCatcher


@pytest.fixture
def mail_catcher() -> Iterator[MailCatcher]:
    """A server on ``mail_catcher.host`` and ``.port`` that catches mail: see ``samotop.testing.MailCatcher``."""
    from samotop.testing.catcher import MailCatcher

    with MailCatcher() as catcher:
        yield catcher


@pytest.fixture
def make_mail_catcher() -> Iterator[Callable[..., MailCatcher]]:
    """Make catchers with TLS, accounts, refusals: ``make_mail_catcher(tls="starttls", accounts={"a": "secret"})``."""
    from samotop.testing.catcher import MailCatcher

    with ExitStack() as stack:

        def make(**settings: Any) -> MailCatcher:
            return stack.enter_context(MailCatcher(**settings))

        yield make
