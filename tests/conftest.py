"""What every test may ask for: outside programs, outside suites, and calm hypothesis settings.

Tests are deterministic and bring their own fakes; here is only what depends on
the machine. What is missing on it is a skip that says what to install.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

CHECKOUT = Path(__file__).resolve().parent.parent

# A slow machine is no failure, and CI tries the same examples each time; `HYPOTHESIS_PROFILE=long` looks further.
settings.register_profile("developer", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=25)
settings.register_profile("ci", deadline=None, derandomize=True, database=None)
settings.register_profile("long", deadline=None, max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "developer"))


@pytest.fixture(scope="session")
def needs() -> Callable[..., str]:
    """``needs("smtp-source", package="postfix")`` is the program's path, or skips and names the Debian package."""

    def find(program: str, *, package: str = "") -> str:
        path = os.environ.get("PATH", os.defpath) + os.pathsep + "/usr/sbin" + os.pathsep + "/sbin"
        found = shutil.which(program, path=path)
        if found is None:
            pytest.skip(f"needs Debian package {package or program}")
        return found

    return find


@pytest.fixture(scope="session")
def suites() -> Path:
    """The folder of conformance suites from elsewhere: ``$SAMOTOP_SUITES``, else ``../shared/suites``."""
    given = os.environ.get("SAMOTOP_SUITES")
    folder = Path(given) if given else CHECKOUT.parent / "shared" / "suites"
    if not folder.is_dir():
        pytest.skip("suite absent")
    return folder
