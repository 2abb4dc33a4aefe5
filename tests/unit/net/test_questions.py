"""Questions on the wire, and what may pass for their answers."""

from __future__ import annotations

import dns.edns
import dns.flags
import dns.message
import pytest

from samotop.net.messages import parse_answer
from samotop.net.questions import Match, Question, is_truncated, read_name, type_number

LONGEST = ".".join(["a" * 63] * 3 + ["a" * 61])


def answer(question: Question, identity: int = 7) -> bytearray:
    """An empty one that matches."""
    return bytearray(dns.message.make_response(dns.message.from_wire(question.format(identity))).to_wire())


@pytest.mark.parametrize("name", ["example.org", "EXAMPLE.org.", "", ".", "_dmarc.example.org", "a@b.example", LONGEST])
def test_a_question_is_what_dnspython_reads(name: str) -> None:
    message = dns.message.from_wire(Question.ask(name, "MX").format(4711))
    assert (message.id, len(message.question)) == (4711, 1)
    assert message.question[0].name == read_name(name)
    assert message.question[0].rdtype.name == "MX"
    assert message.flags == dns.flags.RD | dns.flags.AD
    assert (message.edns, message.payload, message.ednsflags) == (0, 1232, 0)


def test_signatures_are_asked_for_without_judgement() -> None:
    """DO for the signatures, CD for an answer even if they are wrong (RFC 4035 §3.2)."""
    message = dns.message.from_wire(Question.ask("example.org", "MX", wants_signatures=True).format(1))
    assert message.flags == dns.flags.RD | dns.flags.CD
    assert message.ednsflags == dns.flags.DO


@pytest.mark.parametrize("length", range(1, 64))
def test_a_padded_question_fills_blocks(length: int) -> None:
    """RFC 8467 §4.1: who reads lengths learns no more than the block."""
    octets = Question.ask("a" * length + ".example.org", "MX").format(1, pads=True)
    assert len(octets) == 128
    options = dns.message.from_wire(octets).options
    assert [option.otype for option in options] == [dns.edns.OptionType.PADDING]


def test_a_question_without_edns_is_header_and_section() -> None:
    question = Question(Question.ask("example.org", "A").section, has_edns=False)
    assert dns.message.from_wire(question.format(1, pads=True)).edns == -1


@pytest.mark.parametrize("name", ["a..b", ".a", "a" * 64, LONGEST + "a", "ä.example", "\\", "a\\256"])
def test_what_is_no_name_is_not_asked_for(name: str) -> None:
    with pytest.raises(ValueError):
        Question.ask(name, "A")


@pytest.mark.parametrize("type", ["", "NOSUCH", "ANY", "AXFR", "IXFR", "OPT", "TSIG", "TYPE99999", "MX MX"])
def test_what_is_no_type_of_records_is_not_asked_for(type: str) -> None:
    with pytest.raises(ValueError):
        type_number(type)


def test_an_escaped_name_is_what_it_stands_for() -> None:
    """Aliases may lead to names with a dot within a label; they come back escaped."""
    assert read_name("a\\.b.example").labels == (b"a.b", b"example", b"")


def test_mixing_the_case_keeps_the_question() -> None:
    question = Question.ask("a-rather-long-name.example.org", "TYPE16705")  # a type whose number looks like letters
    mixed = {question.mix_case().section for _ in range(20)}
    assert len(mixed) == 20
    assert {section[:-4].lower() for section in mixed} == {question.section[:-4]}
    assert {section[-4:] for section in mixed} == {b"AA\0\1"}


def test_an_answer_to_a_mixed_question_gets_its_own_case_back() -> None:
    question = Question.ask("example.org", "SOA")
    reply = dns.message.make_response(dns.message.from_wire(question.mix_case().format(1))).to_wire()
    assert parse_answer(question.restore_case(reply)).question[0].name.labels == (b"example", b"org", b"")


def test_an_answer_has_identifier_and_question_of_ours() -> None:
    question = Question.ask("example.org", "MX")
    assert question.match(bytes(answer(question)), 7) is Match.OURS


@pytest.mark.parametrize("other", ["example.com", "example.or", "www.example.org", "org", ""])
def test_an_answer_to_another_name_is_a_strangers(other: str) -> None:
    question = Question.ask("example.org", "MX")
    assert question.match(bytes(answer(Question.ask(other, "MX"))), 7) is Match.STRANGER


@pytest.mark.parametrize(
    ("index", "octet"), [(0, 1), (1, 8), (2, 0x01), (2, 0xA8), (5, 2), (5, 0), (-1, 3), (-3, 1)], ids=str
)
def test_an_octet_off_makes_it_a_strangers(index: int, octet: int) -> None:
    """Identifier, QR, opcode, count of questions, class, type."""
    question = Question(Question.ask("example.org", "MX").section, has_edns=False)
    octets = answer(question)
    octets[index] = octet
    assert question.match(bytes(octets), 7) is Match.STRANGER


def test_an_answer_in_another_case_is_doubtful() -> None:
    """A forger who knows all but the case, or a server that does not copy it: TCP tells."""
    question = Question.ask("example.org", "MX")
    octets = answer(question)
    octets[13] -= 0x20
    assert question.match(bytes(octets), 7) is Match.DOUBTFUL


def test_a_refusal_may_leave_the_question_out() -> None:
    """Servers that do not understand EDNS do (RFC 6891 §7); an answer must not."""
    question = Question.ask("example.org", "MX")
    refusal = b"\0\x07\x80\x01" + bytes(8)
    assert question.match(refusal, 7) is Match.OURS
    assert question.match(b"\0\x07\x80\x00" + bytes(8), 7) is Match.STRANGER
    assert question.match(b"\0\x07\x80\x01\0\0\0\1\0\0\0\0", 7) is Match.STRANGER


@pytest.mark.parametrize("length", range(12))
def test_less_than_a_header_is_a_strangers(length: int) -> None:
    question = Question.ask("example.org", "MX")
    assert question.match(bytes(answer(question))[:length], 7) is Match.STRANGER


def test_truncation_is_seen_before_reading() -> None:
    octets = answer(Question.ask("example.org", "MX"))
    assert not is_truncated(bytes(octets))
    octets[2] |= 0x02
    assert is_truncated(bytes(octets))
