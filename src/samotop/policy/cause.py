"""Why something is refused, as one value for the reply, the trace, the log and the reference.

Each cause has a ``code`` that never changes its meaning: a reply ends with ``(policy: CODE)``, a trace begins with
``CODE:``. docs/policy.md lists all of them (``samotop.policy.reference``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from samotop.status import parse_status
from samotop.verdict import Verdict, refusal_reply

_CODE: Final = re.compile(r"([a-z][a-z0-9-]{0,40}): ")


def code_of(verdict: Verdict) -> str:
    """The code that a verdict's reason begins with; the check's name where there is none."""
    match = _CODE.match(verdict.reason)
    return match[1] if match else verdict.check


@dataclass(frozen=True, slots=True)
class Cause:
    """``reason`` is for the owner and the operator, ``said`` for the client. ``remedy`` says what somebody can do who
    was refused; ``key`` is the key of ``[policy]`` that decides whether it is asked for."""

    code: str
    status: str
    reason: str
    said: str
    remedy: str
    key: str
    closes: bool = False

    def refuse(self, more: str = "") -> Verdict:
        """The verdict. ``more`` is put into the reply, before the code: a list's name, never a stranger's words."""
        check = self.code.partition("-")[0]
        said = f"{self.said}{f' {more}' if more else ''} (policy: {self.code})"
        make = Verdict.defer if parse_status(self.status).is_transient else Verdict.reject
        return make(check, f"{self.code}: {self.reason}", status=self.status, said=said, closes=self.closes)

    @property
    def reply(self) -> str:
        """Code and status, as ``550 5.7.1``."""
        reply = refusal_reply(self.refuse())
        return f"{reply.code} {reply.status}"
