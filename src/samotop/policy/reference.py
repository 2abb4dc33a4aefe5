"""The table of docs/policy.md, written from the checks themselves: ``tools/policy_page.py --write``.

A test compares the page with what this writes, so neither can lag behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from samotop.policy import harvesting
from samotop.policy.cause import Cause
from samotop.policy.stage import TABLE, Stage

BEGIN: Final = "<!-- Written by `tools/policy_page.py --write`; change src/samotop/policy instead. -->"
END: Final = "<!-- End of what is written. -->"

_STAGES: Final = {
    Stage.CONNECTION: "connection",
    Stage.HELLO: "EHLO",
    Stage.MAIL: "MAIL",
    Stage.RECIPIENT: "RCPT",
    Stage.CONTENT: "end of data",
    Stage.BODY: "end of data",
}
_DEFAULTS: Final = {
    "hello": "`ours`",
    'hello = "strict"': "off",
    "require_reverse": "off",
    "require_tls": "off",
    "[mailbox.NAME] require_tls": "off",
    "spf": "`observe`",
    "dmarc": "`enforce`",
    "dnsbl": "none",
    "null_recipients": "`1`",
    "no_bounces": "none",
    "rate_network": "`off`",
    "rate_login": "`off`",
    "rate_recipient": "`off`",
    "harvest": "`20/h`",
    "pipelining": "`observe`",
    "block_files": "none",
    "block_types": "none",
    "": "always",
}


def format_rows() -> Iterator[str]:
    """The table of all causes, in the order in which they are asked."""
    yield "| stage | code | reply | refused because | key, default | spared if allowed | what to do about it |"
    yield "|---|---|---|---|---|---|---|"
    for row in TABLE:
        for cause in row.causes:
            yield _format(_STAGES[row.stage], cause, is_waived=row.is_waived)
    yield _format("RCPT", harvesting.HARVEST, is_waived=False)


def _format(stage: str, cause: Cause, *, is_waived: bool) -> str:
    key = f"`{cause.key}`, {_DEFAULTS[cause.key]}" if cause.key else _DEFAULTS[""]
    waived = "yes" if is_waived else "no"
    return f"| {stage} | `{cause.code}` | {cause.reply} | {cause.reason} | {key} | {waived} | {cause.remedy} |"


def rewrite_page(text: str) -> str:
    """The page with its table as it is now. Raises ``ValueError`` where it has no place for one."""
    before, mark, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError("the page has no place for the table")
    table = "\n".join(format_rows())
    return f"{before}{mark}\n\n{table}\n\n{end}{after}"
