"""Has the message an attachment of a type that the operator does not want? (RFC 2183, RFC 2046)

``block_types`` names endings of file names (``.exe``) and media types (``application/x-msdownload``). They are looked
for in the headers of the parts, within the bounds of ``message.structure``; no archive is opened. By what a sender
may write, any file can pass under another name: this keeps out what is opened by its name alone.

Reads the whole message: call it in a thread. Facts in, verdict out; raises ``OSError`` where the content cannot be
read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from samotop.facts import ContentFacts
from samotop.message.reading import Reading
from samotop.policy.cause import Cause
from samotop.verdict import ABSTAIN, Verdict

TYPE: Final = Cause(
    "content-type",
    "5.7.1",
    "an attachment of a type that is not wanted",
    "This message has an attachment of a type that we do not take",
    "send the file another way, or in another form",
    "block_types",
)
CAUSES: Final = (TYPE,)

_TYPE: Final = TYPE.refuse()


@dataclass(frozen=True, slots=True)
class ContentRules:
    """``endings`` with their dot, ``media_types`` as ``type/subtype``; in lower case."""

    endings: tuple[str, ...] = ()
    media_types: frozenset[str] = frozenset()


def content_rules(types: tuple[str, ...]) -> ContentRules:
    """The rules for what the operator wrote."""
    words = [one.lower() for one in types]
    return ContentRules(tuple(one for one in words if "/" not in one), frozenset(one for one in words if "/" in one))


def check_content_types(facts: ContentFacts, rules: ContentRules) -> Verdict:
    """550 5.7.1 where a part has one of these types or endings. A dot or space behind the name hides nothing."""
    for part in Reading(facts.content).walk():
        if part.media_type in rules.media_types:
            return _TYPE
        for name in (part.name, part.parameters.get("name", "")):  # readers differ in which of them they believe
            if rules.endings and name.lower().rstrip(". ").endswith(rules.endings):
                return _TYPE
    return ABSTAIN
