"""The client's engine against the server's: what one means is what the other reads, whatever is offered."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samotop.address import NULL_PATH, Address
from samotop.envelope import Body, Envelope, MailParameters, Notify, Recipient, Ret
from samotop.smtp import Mail, Rcpt
from samotop.smtp.client import ClientConnection, ClientRules, Conversion, Plan, TransactionPlan, measure_content
from tests.dialogs.script import Dialog
from tests.fakes.smtp_pair import Course, Cut, Server, converse, cut_at, octet_by_octet, whole

pytestmark = pytest.mark.slow  # hundreds of combinations

KEYWORDS = ("PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "CHUNKING", "BINARYMIME", "DSN", "LIMITS")
OFFERS = [set(some) for count in range(len(KEYWORDS) + 1) for some in combinations(KEYWORDS, count)]
ALICE = Address("alice", "example.net")
BOB = Recipient(Address("bob", "example.org"), Notify.SUCCESS | Notify.DELAY, "rfc822;bobby+x@example.org")
CAROL = Recipient(Address("carol", "example.org"), Notify.NEVER)
DAVE = Recipient(Address("davé", "example.org"))
CONTENTS = {
    "nothing": b"",
    "plain": b"Subject: hi\r\n\r\nhello\r\n",
    "dots": b".\r\n..\r\n.x\r\n\r\n.\r\n",
    "no last line end": b"Subject: hi\r\n\r\n.",
    "eight bits": b"Subject: hi\r\n\r\n\xff\xe9\r\n",
    "a header in UTF-8": "Subject: hé\r\n\r\nhé\r\n".encode(),
    "binary": b"Subject: hi\r\n\r\n\0\r\r\n\n.\r\n",
}
WISHES = MailParameters(ret=Ret.HEADERS, envelope_id="id+1")


def send(
    content: bytes,
    offer: set[str],
    *,
    envelope: Envelope,
    cut: Cut = whole,
    rules: ClientRules = ClientRules(),
    is_lmtp: bool = False,
) -> tuple[Plan, Course, Server]:
    """Send one content; returns the plan, what the client saw, and the server."""
    server = Server(
        Dialog(is_lmtp=is_lmtp, mailboxes=("bob@example.org", "carol@example.org", "davé@example.org")), offer
    )
    client = ClientConnection("client.example.net", rules, is_lmtp=is_lmtp)
    found: list[Plan] = []

    def plan(client: ClientConnection) -> Plan:
        found.append(client.plan(envelope, measure_content([content])))
        return found[0]

    course = converse(client, server, plan, [content], cut)
    assert course.error is None
    return found[0], course, server


def check_arrival(content: bytes, plan: Plan, course: Course, server: Server) -> None:
    """The content arrived as it was, for everybody whom the plan names."""
    transactions = plan.transactions
    arrived = content if not content or content.endswith(b"\r\n") or transactions[0].is_binary else content + b"\r\n"
    assert server.contents == [arrived] * len(transactions)
    assert [one.recipient for result in course.results for one in result.recipients] == [
        recipient for transaction in transactions for recipient in transaction.recipients
    ]
    assert all(result.is_accepted and not result.is_uncertain for result in course.results)
    rcpts = [event.recipient.address for event in server.events if isinstance(event, Rcpt)]
    assert rcpts == [recipient.address for transaction in transactions for recipient in transaction.recipients]


@pytest.mark.parametrize("is_lmtp", [False, True])
@pytest.mark.parametrize("name", CONTENTS)
@pytest.mark.parametrize("prefers_chunking", [False, True])
def test_every_content_arrives_by_every_offer_or_is_not_begun(name: str, is_lmtp: bool, prefers_chunking: bool) -> None:
    """All 256 sets of extensions: a plan never says what the server did not offer, and content is never changed."""
    content = CONTENTS[name]
    body = Body.BINARY if name == "binary" else Body.SEVEN_BIT
    envelope = Envelope(ALICE, (BOB, CAROL), MailParameters(body=body, ret=Ret.HEADERS, envelope_id="id+1"))
    rules = ClientRules(prefers_chunking=prefers_chunking, chunk=8)
    for offer in OFFERS:
        plan, course, server = send(content, offer, envelope=envelope, rules=rules, is_lmtp=is_lmtp)
        if not plan.transactions:
            assert plan.impossible or plan.conversion is not Conversion.NONE
            assert not server.contents and not course.results
            continue
        check_arrival(content, plan, course, server)
        (mail,) = (event for event in server.events if isinstance(event, Mail))
        assert bool(mail.parameters.size) == ("SIZE" in offer and bool(content))
        assert (mail.parameters.ret is Ret.HEADERS) == ("DSN" in offer)
        assert mail.parameters.is_utf8 == (name == "a header in UTF-8")
        said = Body.BINARY if name == "binary" else Body.SEVEN_BIT if content.isascii() else Body.EIGHT_BIT
        assert mail.parameters.body is (said if "8BITMIME" in offer or name == "binary" else Body.SEVEN_BIT)
        assert any(turn.startswith(b"BDAT") for turn in course.turns) == plan.transactions[0].uses_chunking
        if "PIPELINING" not in offer:
            first = [turn for turn in course.turns if turn[:4] in (b"MAIL", b"RCPT", b"DATA", b"BDAT", b"QUIT")]
            assert all(turn.count(b"\r\n") == 1 for turn in first if turn[:4] != b"BDAT")


@pytest.mark.parametrize(
    ("offer", "needs"),
    [
        (set(), Conversion.SEVEN_BIT),
        ({"8BITMIME"}, Conversion.NONE),
        ({"SMTPUTF8"}, Conversion.NONE),
        ({"CHUNKING"}, Conversion.SEVEN_BIT),
    ],
)
def test_eight_bits_need_who_takes_them(offer: set[str], needs: Conversion) -> None:
    envelope = Envelope(ALICE, (BOB,))
    plan, _, _ = send(CONTENTS["eight bits"], offer, envelope=envelope)
    assert plan.conversion is needs


@pytest.mark.parametrize("is_lmtp", [False, True])
@pytest.mark.parametrize(
    "offer", [set(), {"PIPELINING"}, {"CHUNKING"}, set(KEYWORDS)], ids=lambda offer: "+".join(sorted(offer))
)
@pytest.mark.parametrize("name", ["plain", "dots", "eight bits"])
def test_cutting_changes_nothing(name: str, offer: set[str], is_lmtp: bool) -> None:
    """Octet by octet, and every turn of both sides cut at every place: the same events and the same results."""
    envelope = Envelope(NULL_PATH, (BOB, CAROL), WISHES)
    rules = ClientRules(prefers_chunking=True, chunk=8)
    content = CONTENTS[name] if offer != {"CHUNKING"} else CONTENTS["plain"]

    def run(cut: Cut) -> tuple[object, ...]:
        plan, course, server = send(content, offer, envelope=envelope, cut=cut, rules=rules, is_lmtp=is_lmtp)
        return plan, course.events, course.results, b"".join(course.turns), server.played().contents

    expected = run(whole)
    assert run(octet_by_octet) == expected
    for place in range(1, 200):
        assert run(cut_at(place)) == expected, f"cut after {place} octets"


@pytest.mark.parametrize("prefers_chunking", [False, True])
@pytest.mark.parametrize("offer", [set(), {"PIPELINING"}, {"PIPELINING", "CHUNKING"}, {"CHUNKING"}])
def test_recipients_have_their_own_replies(offer: set[str], prefers_chunking: bool) -> None:
    """One refused recipient keeps no other from being served (RFC 5321 §3.3)."""
    envelope = Envelope(ALICE, (BOB, Recipient(Address("nobody", "example.org")), CAROL))
    rules = ClientRules(prefers_chunking=prefers_chunking)
    _, course, server = send(CONTENTS["plain"], offer, envelope=envelope, rules=rules)
    (result,) = course.results
    assert [one.is_accepted for one in result.recipients] == [True, False, True]
    assert [one.reply.code if one.reply else 0 for one in result.recipients] == [250, 550, 250]
    assert server.contents == [CONTENTS["plain"]]


@pytest.mark.parametrize("is_lmtp", [False, True])
@pytest.mark.parametrize("offer", [set(), {"PIPELINING"}, {"PIPELINING", "CHUNKING"}])
def test_nothing_is_sent_for_nobody_and_the_next_transaction_is_clean(offer: set[str], is_lmtp: bool) -> None:
    """All recipients refused: no content goes, and the old transaction is reset before the next one (RFC 2920 §3.1)."""
    server = Server(Dialog(is_lmtp=is_lmtp, mailboxes=("bob@example.org",)), offer)
    client = ClientConnection("client.example.net", ClientRules(prefers_chunking=True), is_lmtp=is_lmtp)
    nobody = Envelope(ALICE, (Recipient(Address("nobody", "example.org")), Recipient(Address("none", "example.org"))))
    shape = measure_content([CONTENTS["plain"]])
    plans: list[TransactionPlan] = []

    def plan(client: ClientConnection) -> Plan:
        first, second = client.plan(nobody, shape), client.plan(Envelope(ALICE, (BOB,)), shape)
        plans.extend((*first.transactions, *second.transactions))
        return Plan(tuple(plans))

    course = converse(client, server, plan, [CONTENTS["plain"]])
    assert [result.is_accepted for result in course.results] == [False, True]
    assert all(one.reply is not None and one.reply.code == 550 for one in course.results[0].recipients)
    assert server.contents == [CONTENTS["plain"]]
    assert b"RSET\r\n" in b"".join(course.turns)


def test_lmtp_has_one_reply_for_each() -> None:
    """RFC 2033 §4.2: the same content may be taken for one and not for another."""
    dialog = Dialog(is_lmtp=True, answers=(("content:carol@example.org", "452 4.2.2 Full"),))
    envelope = Envelope(ALICE, (BOB, CAROL, BOB))
    plan = lambda client: client.plan(envelope, measure_content([CONTENTS["plain"]]))  # noqa: E731 - shorter than a def, and used at once
    for cut in (whole, octet_by_octet):
        server = Server(dialog)
        client = ClientConnection("client.example.net", is_lmtp=True)
        course = converse(client, server, plan, [CONTENTS["plain"]], cut)
        (result,) = course.results
        assert [one.reply.code if one.reply else 0 for one in result.recipients] == [250, 452, 250]
        assert [one.is_accepted for one in result.recipients] == [True, False, True]


def test_many_recipients_go_in_as_many_transactions_as_the_server_wants() -> None:
    """RCPTMAX (RFC 9422): nobody is refused for being one too many."""
    recipients = tuple(Recipient(Address(f"r{number}", "example.org")) for number in range(25))
    server = Server(Dialog(rules=(("recipients", 10),)))
    client = ClientConnection("client.example.net")
    plan = lambda client: client.plan(Envelope(ALICE, recipients), measure_content([b"hi\r\n"]))  # noqa: E731 - shorter than a def, and used at once
    course = converse(client, server, plan, [b"hi\r\n"])
    assert [len(result.recipients) for result in course.results] == [10, 10, 5]
    assert all(result.is_accepted for result in course.results)
    assert server.contents == [b"hi\r\n"] * 3


def test_a_pipelined_message_takes_few_turns_and_calls() -> None:
    """Hello, the commands, the content, goodbye: the round trips that RFC 2920 leaves."""
    envelope = Envelope(ALICE, (BOB, CAROL))
    _, course, _ = send(CONTENTS["plain"], set(KEYWORDS), envelope=envelope)
    assert len(course.turns) == 4
    assert len(course.events) == 4


@pytest.mark.parametrize("is_lmtp", [False, True])
@pytest.mark.parametrize("can_pipeline", [False, True])
@pytest.mark.parametrize("cut", [whole, octet_by_octet])
def test_a_large_content_goes_in_chunks_with_little_kept(can_pipeline: bool, cut: Cut, is_lmtp: bool) -> None:
    """BDAT with its replies outstanding: in order, bounded, and one LAST (RFC 3030 §4.2)."""
    offer = {"CHUNKING", *(["PIPELINING"] if can_pipeline else [])}
    rules = ClientRules(prefers_chunking=True, chunk=100, chunks_waiting=3)
    chunks = [b"%04d 56789 123456789 12345678\r\n" % number for number in range(200)]
    server, client = Server(Dialog(is_lmtp=is_lmtp), offer), ClientConnection("c.example.net", rules, is_lmtp=is_lmtp)
    plan = lambda client: client.plan(Envelope(ALICE, (BOB, CAROL)), measure_content(chunks))  # noqa: E731 - shorter than a def, and used at once
    course = converse(client, server, plan, chunks, cut)
    assert course.error is None
    assert server.contents == [b"".join(chunks)]
    assert course.results[0].is_accepted
    bdats = [turn.count(b"BDAT ") for turn in course.turns if b"BDAT " in turn]
    assert max(bdats) == (3 if can_pipeline else 1)
    assert b"".join(course.turns).count(b"LAST") == 1
    assert max(map(len, course.turns)) < 600


lines = st.lists(st.sampled_from([b".", b"..", b"", b"x", b".x", b"\xff", b"."]) | st.binary(max_size=5), max_size=8)
contents = lines.map(lambda found: b"".join(line.translate(None, b"\r\n\0") + b"\r\n" for line in found))


@settings(max_examples=60)
@given(
    contents,
    st.sets(st.sampled_from(KEYWORDS)),
    st.lists(st.integers(1, 60), max_size=4, unique=True).map(sorted),
    st.booleans(),
    st.integers(1, 20),
)
def test_any_content_arrives_however_it_is_cut(
    content: bytes, offer: set[str], places: list[int], is_lmtp: bool, chunk: int
) -> None:
    rules = ClientRules(prefers_chunking=True, chunk=chunk, chunks_waiting=2)
    envelope = Envelope(ALICE, (BOB,))
    plan, course, server = send(
        content, offer | {"8BITMIME"}, envelope=envelope, cut=cut_at(*places), rules=rules, is_lmtp=is_lmtp
    )
    if plan.transactions:
        check_arrival(content, plan, course, server)
