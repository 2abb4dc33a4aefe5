"""``python -m samotop`` is ``samotop``."""

from __future__ import annotations

import sys

from samotop.cli import main

if __name__ == "__main__":
    sys.exit(main())
