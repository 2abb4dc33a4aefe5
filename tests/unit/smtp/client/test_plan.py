"""What may be said of a message to a server that offers this and not that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.address import NULL_PATH, Address
from samotop.envelope import Body, Envelope, MailParameters, Notify, Recipient, Ret
from samotop.smtp.client import (
    Capabilities,
    ClientRules,
    ContentShape,
    Conversion,
    DeliverBy,
    LineEnds,
    Plan,
    Wishes,
    plan_transaction,
)

ALICE = Address("alice", "example.net")
BOB = Recipient(Address("bob", "example.org"))
PLAIN = ContentShape(size=100)
EIGHT = ContentShape(size=100, has_eight_bit=True)
UTF8 = ContentShape(size=100, has_eight_bit=True, has_utf8_header=True)
BINARY = ContentShape(size=100, has_eight_bit=True, is_binary=True, bare_line_ends=3)


def offers(*keywords: str, **limits: int | str) -> Capabilities:
    return Capabilities(is_extended=True, keywords=frozenset(keywords), **limits)  # type: ignore[arg-type]  # the table of a case


def envelope(*recipients: Recipient, reverse_path: Address = ALICE, **parameters: object) -> Envelope:
    return Envelope(reverse_path, recipients or (BOB,), MailParameters(**parameters))  # type: ignore[arg-type]  # the table of a case


def statuses(plan: Plan) -> list[str]:
    return [str(one.status) for one in plan.impossible]


def mail(plan: Plan) -> bytes:
    (transaction,) = plan.transactions
    return transaction.mail


@pytest.mark.parametrize(
    ("shape", "keywords", "expected"),
    [
        (PLAIN, "", b""),
        (PLAIN, "SIZE 8BITMIME SMTPUTF8 CHUNKING BINARYMIME DSN REQUIRETLS", b" SIZE=100"),
        (EIGHT, "8BITMIME", b" BODY=8BITMIME"),
        (EIGHT, "SIZE 8BITMIME SMTPUTF8", b" SIZE=100 BODY=8BITMIME"),
        (UTF8, "8BITMIME SMTPUTF8", b" BODY=8BITMIME SMTPUTF8"),
        (BINARY, "8BITMIME CHUNKING BINARYMIME", b" BODY=BINARYMIME"),
    ],
)
def test_mail_says_what_the_content_needs(shape: ContentShape, keywords: str, expected: bytes) -> None:
    plan = plan_transaction(envelope(), shape, offers(*keywords.split()))
    assert mail(plan) == b"MAIL FROM:<alice@example.net>" + expected + b"\r\n"
    assert plan.transactions[0].is_binary is plan.transactions[0].uses_chunking is shape.is_binary
    assert not plan.impossible


@pytest.mark.parametrize(
    ("shape", "keywords", "expected"),
    [
        (PLAIN, "", Conversion.NONE),
        (EIGHT, "", Conversion.SEVEN_BIT),
        (EIGHT, "CHUNKING BINARYMIME", Conversion.SEVEN_BIT),
        (BINARY, "", Conversion.SEVEN_BIT),
        (BINARY, "8BITMIME", Conversion.EIGHT_BIT),
        (BINARY, "8BITMIME CHUNKING", Conversion.EIGHT_BIT),
        (BINARY, "CHUNKING BINARYMIME", Conversion.SEVEN_BIT),
    ],
)
def test_content_that_the_server_does_not_take_is_converted_or_not_sent(
    shape: ContentShape, keywords: str, expected: Conversion
) -> None:
    """Nothing is planned until it is; who cannot convert it has a status for the sender (RFC 3463: 5.6.3)."""
    server = offers(*keywords.split())
    plan = plan_transaction(envelope(), shape, server)
    assert plan.conversion is expected
    assert bool(plan.transactions) == (expected is Conversion.NONE)
    if expected is not Conversion.NONE:
        assert statuses(plan_transaction(envelope(), shape, server, can_convert=False)) == ["5.6.3"]


def test_what_is_declared_binary_may_have_any_line_ends() -> None:
    shape = ContentShape(size=10, bare_line_ends=1)
    server = offers("8BITMIME", "CHUNKING", "BINARYMIME")
    assert statuses(plan_transaction(envelope(), shape, server)) == ["5.6.0"]
    assert b"BODY=BINARYMIME" in mail(plan_transaction(envelope(body=Body.BINARY), shape, server))
    normalizing = ClientRules(line_ends=LineEnds.NORMALIZE)
    assert b"SIZE=11" in mail(plan_transaction(envelope(), shape, offers("SIZE"), normalizing))


@pytest.mark.parametrize(("limit", "fits"), [(99, False), (100, True), (None, True)])
def test_a_content_larger_than_the_server_takes_is_not_begun(limit: int | None, fits: bool) -> None:
    """RFC 1870 §6: nobody sends fifty megabytes to hear 552."""
    plan = plan_transaction(envelope(), PLAIN, Capabilities(keywords=frozenset(["SIZE"]), size=limit))
    assert statuses(plan) == ([] if fits else ["5.3.4"])


@pytest.mark.parametrize(
    ("letter", "shape", "expected"),
    [
        (envelope(), UTF8, ["5.6.7"]),
        (envelope(reverse_path=Address("élise", "example.net")), PLAIN, ["5.6.7"]),
        (envelope(Recipient(Address("bób", "example.org")), BOB), PLAIN, ["5.6.7"]),
        (envelope(is_utf8=True), PLAIN, []),
        (envelope(Recipient(Address("bob", "bücher.example"))), PLAIN, []),
        (envelope(reverse_path=Address("alice", "bücher.example")), PLAIN, []),
    ],
)
def test_without_smtputf8_only_what_is_ascii_or_can_be_made_so_is_sent(
    letter: Envelope, shape: ContentShape, expected: list[str]
) -> None:
    """RFC 6531 §3.2: a domain has an ASCII form, a local part has none; one recipient's is not the others' matter."""
    plan = plan_transaction(letter, shape, offers("8BITMIME"))
    assert statuses(plan) == expected
    for transaction in plan.transactions:
        assert (transaction.mail + b"".join(transaction.rcpts)).isascii()
        assert b"SMTPUTF8" not in transaction.mail
    with_it = plan_transaction(letter, shape, offers("8BITMIME", "SMTPUTF8"))
    assert b" SMTPUTF8" in mail(with_it) and not with_it.impossible


@pytest.mark.parametrize(("keywords", "expected"), [("", "5.6.7"), ("SMTPUTF8", "5.1.3")])
def test_a_domain_that_is_none_has_no_form_at_all(keywords: str, expected: str) -> None:
    plan = plan_transaction(envelope(Recipient(Address("bob", "\udc80.example"))), PLAIN, offers(*keywords.split()))
    assert statuses(plan) == [expected]


def test_a_domain_is_told_in_its_ascii_form() -> None:
    plan = plan_transaction(envelope(Recipient(Address("bob", "bücher.example"))), PLAIN, offers())
    assert plan.transactions[0].rcpts == (b"RCPT TO:<bob@xn--bcher-kva.example>\r\n",)
    assert plan.transactions[0].recipients[0].address.domain == "bücher.example"


def test_requiretls_is_offered_or_nothing_is_sent() -> None:
    """RFC 8689 §4.2.1. In LMTP it is the last step, and no relaying."""
    letter = envelope(requires_tls=True)
    assert statuses(plan_transaction(letter, PLAIN, offers())) == ["5.7.30"]
    assert mail(plan_transaction(letter, PLAIN, offers("REQUIRETLS"))).endswith(b" REQUIRETLS\r\n")
    assert plan_transaction(letter, PLAIN, offers(), is_lmtp=True).transactions


def test_wishes_about_notifications_go_where_they_are_understood() -> None:
    """RFC 3461; who relays to another kind of server owes a notification, and is told so."""
    bob = Recipient(Address("bob", "example.org"), Notify.SUCCESS | Notify.FAILURE, "rfc822;b@example.com")
    letter = envelope(bob, ret=Ret.FULL, envelope_id="x+y")
    plan = plan_transaction(letter, PLAIN, offers("DSN"))
    assert plan.passes_dsn
    assert mail(plan) == b"MAIL FROM:<alice@example.net> RET=FULL ENVID=x+2By\r\n"
    assert plan.transactions[0].rcpts == (
        b"RCPT TO:<bob@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b@example.com\r\n",
    )
    plan = plan_transaction(letter, PLAIN, offers())
    assert not plan.passes_dsn
    assert mail(plan) == b"MAIL FROM:<alice@example.net>\r\n"
    assert plan.transactions[0].rcpts == (b"RCPT TO:<bob@example.org>\r\n",)


def test_who_submitted_it_is_told_after_a_login_alone() -> None:
    """RFC 4954 §5: to a stranger it is nobody's business."""
    letter = envelope(submitter="alice@example.net")
    assert b"AUTH" not in mail(plan_transaction(letter, PLAIN, offers("AUTH")))
    assert mail(plan_transaction(letter, PLAIN, offers("AUTH"), is_authenticated=True)).endswith(
        b" AUTH=alice@example.net\r\n"
    )
    assert b"AUTH" not in mail(plan_transaction(letter, PLAIN, offers(), is_authenticated=True))


@pytest.mark.parametrize(
    ("wishes", "server", "expected"),
    [
        (Wishes(hold_for=60), offers(), None),
        (Wishes(hold_for=60), offers("FUTURERELEASE", hold_seconds=59), None),
        (Wishes(hold_for=60), offers("FUTURERELEASE", hold_seconds=60), b" HOLDFOR=60"),
        (Wishes(hold_for=60), offers("FUTURERELEASE"), b" HOLDFOR=60"),
        (
            Wishes(hold_until=datetime(2030, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))),
            offers("FUTURERELEASE", hold_until="2030-01-01T00:00:00Z"),
            b" HOLDUNTIL=2030-01-01T00:00:00Z",
        ),
        (
            Wishes(hold_until=datetime(2030, 1, 1, 0, 0, 1, tzinfo=UTC)),
            offers("FUTURERELEASE", hold_until="2030-01-01T00:00:00Z"),
            None,
        ),
        (
            Wishes(hold_until=datetime(2030, 1, 1, tzinfo=UTC)),
            offers("FUTURERELEASE", hold_until="SOON"),
            b" HOLDUNTIL=2030-01-01T00:00:00Z",
        ),
        (Wishes(deliver_by=DeliverBy(120)), offers(), b""),
        (Wishes(deliver_by=DeliverBy(-5, traces=True)), offers("DELIVERBY"), b" BY=-5;NT"),
        (Wishes(deliver_by=DeliverBy(120, returns=True)), offers(), None),
        (Wishes(deliver_by=DeliverBy(120, returns=True)), offers("DELIVERBY", deliver_by=240), None),
        (Wishes(deliver_by=DeliverBy(240, returns=True)), offers("DELIVERBY", deliver_by=240), b" BY=240;R"),
    ],
)
def test_later_and_by_a_time(wishes: Wishes, server: Capabilities, expected: bytes | None) -> None:
    """A message that is to be held is not sent to who sends it at once; one that would come too late goes back."""
    plan = plan_transaction(envelope(), PLAIN, server, wishes=wishes)
    if expected is None:
        assert statuses(plan) == ["5.3.3"]
    else:
        assert mail(plan) == b"MAIL FROM:<alice@example.net>" + expected + b"\r\n"
        assert plan.passes_deliver_by == (b"BY=" in expected)


def test_over_lmtp_a_message_is_in_time() -> None:
    """It is delivered when the server answers: there is nothing left for DELIVERBY to promise."""
    by = Wishes(deliver_by=DeliverBy(120, returns=True))
    assert plan_transaction(envelope(), PLAIN, offers(), wishes=by, is_lmtp=True).transactions


@pytest.mark.parametrize(
    "make",
    [
        lambda: DeliverBy(0, returns=True),
        lambda: DeliverBy(1_000_000_000),
        lambda: Wishes(hold_for=0),
        lambda: Wishes(hold_for=1, hold_until=datetime(2030, 1, 1, tzinfo=UTC)),
        lambda: Wishes(hold_until=datetime(2030, 1, 1)),  # noqa: DTZ001 - a time without its zone is the case
    ],
)
def test_wishes_that_nobody_can_have(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError):
        make()


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, [5]),
        ({"recipients": 2}, [2, 2, 1]),
        ({"recipients": 5}, [5]),
        ({"recipient_domains": 1}, [2, 1, 2]),
        ({"recipient_domains": 2}, [5]),
        ({"recipients": 4, "recipient_domains": 1}, [2, 1, 2]),
    ],
)
def test_recipients_are_parted_as_the_server_wants_it(limits: dict[str, int], expected: list[int]) -> None:
    """RFC 9422 §4: in their order, nobody twice, nobody left out."""
    everybody = tuple(Recipient(Address(f"r{n}", domain)) for n, domain in enumerate("aaBAa"))
    if expected == [2, 1, 2]:
        everybody = tuple(Recipient(Address(f"r{n}", domain)) for n, domain in enumerate("aAbaa"))
    plan = plan_transaction(Envelope(NULL_PATH, everybody), PLAIN, offers("LIMITS", **limits))
    assert [len(transaction.recipients) for transaction in plan.transactions] == expected
    assert tuple(one for transaction in plan.transactions for one in transaction.recipients) == everybody
    assert all(len(transaction.rcpts) == len(transaction.recipients) for transaction in plan.transactions)


def test_one_address_that_cannot_be_written_is_not_the_others_matter() -> None:
    bad = Recipient(Address("a>\r\nDATA", "example.org"))
    plan = plan_transaction(envelope(BOB, bad, BOB), PLAIN, offers())
    assert plan.transactions[0].recipients == (BOB, BOB)
    assert [(one.recipient, str(one.status)) for one in plan.impossible] == [(bad, "5.1.3")]
    plan = plan_transaction(envelope(reverse_path=Address("a>\r\nDATA", "example.org")), PLAIN, offers())
    assert not plan.transactions and statuses(plan) == ["5.1.7"]


@pytest.mark.parametrize("original", ["rfc822\r\nDATA\r\n;x", ";x", "no semicolon", "rfc822;\udc80"])
def test_an_original_recipient_made_by_hand_cannot_end_the_command(original: str) -> None:
    plan = plan_transaction(envelope(Recipient(BOB.address, original=original)), PLAIN, offers("DSN"))
    assert statuses(plan) == ["5.1.3"]


def test_nobody_is_nobody() -> None:
    assert plan_transaction(Envelope(ALICE, ()), PLAIN, offers()) == Plan()


anything = st.text(max_size=12)
all_keywords = ["SIZE", "8BITMIME", "SMTPUTF8", "CHUNKING", "BINARYMIME", "DSN", "REQUIRETLS", "AUTH", "DELIVERBY"]


@given(
    st.builds(Address, anything, anything),
    st.lists(st.builds(Recipient, st.builds(Address, anything, anything), st.none(), st.none() | anything), max_size=4),
    st.builds(MailParameters, is_utf8=st.booleans(), envelope_id=st.none() | anything, submitter=st.none() | anything),
    st.sets(st.sampled_from(all_keywords)),
    st.builds(ContentShape, st.integers(0, 1000), st.booleans(), st.booleans(), st.booleans(), st.integers(0, 2)),
)
def test_a_plan_is_whole_lines_whatever_is_in_the_envelope(
    path: Address, recipients: list[Recipient], parameters: MailParameters, keywords: set[str], shape: ContentShape
) -> None:
    """Each command one line, each recipient once: in a transaction, or impossible, unless the content comes first."""
    plan = plan_transaction(
        Envelope(path, tuple(recipients), parameters), shape, offers(*keywords), is_authenticated=True
    )
    planned = [one for transaction in plan.transactions for one in transaction.recipients]
    if plan.conversion is Conversion.NONE:
        assert sorted(map(repr, [*planned, *(one.recipient for one in plan.impossible)])) == sorted(
            map(repr, recipients)
        )
    for transaction in plan.transactions:
        for line in (transaction.mail, *transaction.rcpts):
            assert line.endswith(b"\r\n")
            assert not set(line[:-2]) & {0, 10, 13}
