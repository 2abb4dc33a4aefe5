"""Keep the generated table of docs/relay.md as the code says.

    tools/relay_page.py --check     exit 1 if the page is not what the code says
    tools/relay_page.py --write     write the table anew

The table stands between ``<!-- begin hostile -->`` and ``<!-- end hostile -->``:
every next hop of ``tests.fakes.hostilehops``, and what becomes of its mail, found
out over real sockets. All else on the page is written by people.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from tests.fakes.hostileworld import format_hostile  # noqa: E402 - the sources of this checkout
from tools.written_page import keep_page, replace_parts  # noqa: E402 - the path is set above

PAGE: Final = ROOT / "docs" / "relay.md"


def rewrite_page(text: str) -> str:
    """The page with its table as the code says. Raises ``ValueError`` for a missing marker."""
    return replace_parts(text, {"hostile": format_hostile()})


if __name__ == "__main__":
    sys.exit(keep_page(PAGE, rewrite_page))
