"""The short way to the usual message's plan: the same words as the long one, or none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.address import NULL_PATH, Address
from samotop.envelope import Body, Envelope, MailParameters, Notify, Recipient, Ret
from samotop.smtp.client import (
    Capabilities,
    ClientRules,
    ContentShape,
    Wishes,
    measure_content,
    measure_whole,
    plan_transaction,
)
from samotop.smtp.client.usual import plan_usual

LONG_WAY = Wishes()
"""Equal to no wishes, and not the same: then the short way is not taken."""

PATHS = st.sampled_from(
    [
        *(
            Address(local, "example.org")
            for local in ("a", "a.b", "a b", "x" * 65, "é", "", ".", "a>\r\nRCPT TO:<b", "a@b")
        ),
        *(
            Address("a", domain)
            for domain in ("", "[192.0.2.1]", "é.example", "x" * 64, "a.b.", "a>\r\nDATA", "\udc80")
        ),
    ]
)
RECIPIENTS = st.builds(
    Recipient, PATHS, st.sampled_from([None, Notify.SUCCESS]), st.sampled_from([None, "rfc822;a@example.org"])
)
PARAMETERS = st.builds(
    MailParameters,
    size=st.sampled_from([0, 7]),
    body=st.sampled_from(Body),
    is_utf8=st.booleans(),
    ret=st.sampled_from([None, Ret.HEADERS]),
    envelope_id=st.sampled_from([None, "x"]),
    requires_tls=st.booleans(),
    submitter=st.sampled_from([None, "<>"]),
)
SHAPES = st.builds(
    ContentShape,
    size=st.integers(0, 30),
    has_eight_bit=st.booleans(),
    has_utf8_header=st.booleans(),
    is_binary=st.booleans(),
    bare_line_ends=st.integers(0, 1),
)
KEYWORDS = ("SIZE", "8BITMIME", "SMTPUTF8", "DSN", "CHUNKING", "BINARYMIME", "REQUIRETLS", "AUTH", "PIPELINING")
SERVERS = st.builds(
    Capabilities,
    keywords=st.frozensets(st.sampled_from(KEYWORDS)),
    size=st.sampled_from([None, 20]),
    recipients=st.sampled_from([None, 1, 2]),
    recipient_domains=st.sampled_from([None, 1]),
)


@given(
    st.one_of(st.just(NULL_PATH), PATHS),
    st.lists(RECIPIENTS, max_size=3),
    st.one_of(st.just(MailParameters()), PARAMETERS),
    SHAPES,
    SERVERS,
    st.builds(ClientRules, prefers_chunking=st.booleans(), recipients=st.sampled_from([2, 1000])),
)
def test_it_says_what_the_long_way_says(
    sender: Address,
    recipients: list[Recipient],
    parameters: MailParameters,
    shape: ContentShape,
    server: Capabilities,
    rules: ClientRules,
) -> None:
    envelope = Envelope(sender, tuple(recipients), parameters)
    usual = plan_usual(envelope, shape, server, rules)
    if usual is not None:
        assert usual == plan_transaction(envelope, shape, server, rules, wishes=LONG_WAY)


def test_the_usual_message_is_usual() -> None:
    """Else nothing above was compared."""
    envelope = Envelope(Address("a", "example.org"), (Recipient(Address("b", "example.net")),))
    server = Capabilities(keywords=frozenset(("SIZE", "8BITMIME")))
    plan = plan_usual(envelope, ContentShape(40, has_eight_bit=True), server, ClientRules())
    assert plan is not None
    assert plan.transactions[0].mail == b"MAIL FROM:<a@example.org> SIZE=40 BODY=8BITMIME\r\n"
    assert plan.transactions[0].rcpts == (b"RCPT TO:<b@example.net>\r\n",)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"a",
        b"a\r\n",
        b"a\nb",
        b"\r",
        b"a\r\r\n",
        b"\r\n\n",
        b"a\0b\r\n",
        b"A: \xc3\xa9\r\n\r\n",
        b"A: \xff\r\n\r\n\xc3\xa9",
    ],
)
def test_a_content_in_memory_has_the_same_shape(octets: bytes) -> None:
    assert measure_whole(octets) == measure_content((octets,))
