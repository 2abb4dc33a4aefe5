"""Reception: sessions over asyncio, from the accepted connection to the durable entry.

It gathers the facts of each stage, asks the deciders, answers, and hands
content to the spool. It decides nothing by itself and knows no file, no
database and no socket's address but through ``net`` and the ``ports``.
"""

from __future__ import annotations
