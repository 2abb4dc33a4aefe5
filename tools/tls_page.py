"""Keep the generated table of docs/tls-policy.md as the code says.

    tools/tls_page.py --check     exit 1 if the page is not what the code says
    tools/tls_page.py --write     write the table anew

The table stands between ``<!-- begin outcomes -->`` and ``<!-- end outcomes -->``:
every certificate of ``tests.fakes.tlsmatrix`` against every policy, each cell
worked out from DNS to judgement. All else on the page is written by people.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from tests.fakes.tlsmatrix import format_matrix  # noqa: E402 - the sources of this checkout
from tools.written_page import keep_page, replace_parts  # noqa: E402 - the path is set above

PAGE: Final = ROOT / "docs" / "tls-policy.md"


def rewrite_page(text: str) -> str:
    """The page with its table as the code says. Raises ``ValueError`` for a missing marker."""
    return replace_parts(text, {"outcomes": format_matrix()})


if __name__ == "__main__":
    sys.exit(keep_page(PAGE, rewrite_page))
