"""Each check by itself: facts in, verdict out, every outcome a row."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from samotop.facts import ContentFacts
from samotop.msgauth.listing import Listing
from samotop.msgauth.results import Result
from samotop.policy import content as contents
from samotop.policy import dnsbl, encrypted, hello, null, pipelining, reverse, spf
from samotop.policy.cause import Cause, code_of
from samotop.policy.hello import HelloRules
from samotop.policy.stage import FINDERS, TABLE
from samotop.verdict import Verdict, refusal_reply
from tests.unit.policy import cases

OURS = HelloRules("ours", "mx.example.org", frozenset(("example.org",)))
STRICT = HelloRules("strict", "mx.example.org", frozenset(("example.org",)))


def told(verdict: Verdict) -> str:
    """Reply and code of a refusal; empty for no opinion."""
    if not verdict.is_refusal:
        return ""
    reply = refusal_reply(verdict)
    assert f"(policy: {code_of(verdict)})" in reply.lines[-1], "the reply cites its code"
    return f"{reply.code} {reply.status} {code_of(verdict)}"


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("mail.example.net", ""),
        ("mx.example.org", "550 5.7.1 hello-ours"),
        ("MX.Example.ORG", "550 5.7.1 hello-ours"),
        ("mx.example.org.", "550 5.7.1 hello-ours"),
        ("[192.0.2.1]", "550 5.7.1 hello-ours"),
        ("192.0.2.1", "550 5.7.1 hello-ours"),
        ("[192.0.2.7]", ""),
        ("[198.51.100.1]", ""),
        ("[nonsense]", ""),
        ("localhost", ""),
        ("", ""),
        ("example.org", ""),  # may be the domain's web server: known when its addresses are
    ],
)
def test_nobody_else_has_our_name_or_address(name: str, outcome: str) -> None:
    assert told(hello.check_hello(cases.hello(name), OURS)) == outcome


def test_a_session_from_ourselves_is_no_lie() -> None:
    assert told(hello.check_hello(cases.hello("[192.0.2.1]", ip="192.0.2.1"), OURS)) == ""


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("mail.example.net", ""),
        ("localhost", "550 5.7.1 hello-name"),
        ("192.0.2.7", "550 5.7.1 hello-name"),
        ("my_host.example.net", "550 5.7.1 hello-name"),
        ("[192.0.2.7]", ""),
        ("[192.0.2.8]", "550 5.7.1 hello-literal"),
        ("[nonsense]", "550 5.7.1 hello-literal"),
    ],
)
def test_the_strict_operator_wants_a_name(name: str, outcome: str) -> None:
    """RFC 5321 §4.1.4 forbids it, so that nobody gets it who has not asked for it."""
    assert told(hello.check_hello_form(cases.mail(name=name), STRICT)) == outcome
    assert told(hello.check_hello_form(cases.mail(name=name), OURS)) == ""


@pytest.mark.parametrize(
    ("name", "result", "outcome"),
    [
        ("example.org", Result.FAIL, "550 5.7.1 hello-domain"),
        ("EXAMPLE.org", Result.FAIL, "550 5.7.1 hello-domain"),
        ("example.org", Result.PASS, ""),
        ("example.org", Result.TEMPERROR, ""),
        ("mail.example.org", Result.FAIL, ""),
        ("mail.example.net", Result.FAIL, ""),
    ],
)
def test_our_domain_is_a_lie_unless_it_leads_to_the_client(name: str, result: Result, outcome: str) -> None:
    facts = cases.rcpt(facts=cases.mail(name=name, found=cases.found(hello=result)))
    assert told(hello.check_hello_domain(facts, OURS)) == outcome


def test_without_dns_nobody_lies_about_a_domain() -> None:
    assert told(hello.check_hello_domain(cases.rcpt(facts=cases.mail(name="example.org")), OURS)) == ""


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        (Result.PASS, ""),
        (Result.FAIL, "550 5.7.25 reverse-none"),
        (Result.PERMERROR, "550 5.7.25 reverse-none"),
        (Result.TEMPERROR, "450 4.7.25 reverse-unknown"),
    ],
)
def test_a_reverse_name_can_be_required(result: Result, outcome: str) -> None:
    assert told(reverse.check_reverse(cases.rcpt(facts=cases.mail(found=cases.found(reverse=result))))) == outcome
    assert told(reverse.check_reverse(cases.rcpt())) == ""


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        (Result.PASS, ""),
        (Result.FAIL, "550 5.7.23 spf-fail"),
        (Result.SOFTFAIL, ""),
        (Result.NEUTRAL, ""),
        (Result.NONE, ""),
        (Result.PERMERROR, ""),
        (Result.TEMPERROR, "451 4.7.24 spf-unknown"),
    ],
)
def test_a_hard_fail_can_be_enforced(result: Result, outcome: str) -> None:
    """RFC 7372 §3.2 has the codes."""
    assert told(spf.check_spf(cases.rcpt(facts=cases.mail(found=cases.found(spf=result))))) == outcome
    assert told(spf.check_spf(cases.rcpt())) == ""


@pytest.mark.parametrize(
    ("tls", "level", "outcome"),
    [
        ("", "none", ""),
        ("", "any", "530 5.7.0 encrypted-required"),
        ("", "1.3", "530 5.7.0 encrypted-required"),
        ("TLSv1", "any", ""),
        ("TLSv1.1", "1.2", "550 5.7.10 encrypted-old"),
        ("TLSv1.2", "1.2", ""),
        ("TLSv1.2", "1.3", "550 5.7.10 encrypted-old"),
        ("TLSv1.3", "1.3", ""),
        ("TLSv9", "1.3", ""),
    ],
)
def test_encryption_can_be_required_of_sessions(tls: str, level: str, outcome: str) -> None:
    assert told(encrypted.check_encrypted(cases.mail(tls=tls), level)) == outcome


@pytest.mark.parametrize(
    ("tls", "level", "outcome"),
    [("", "none", ""), ("", "any", "550 5.7.10 encrypted-owner"), ("TLSv1.2", "1.2", ""), ("TLSv1.2", "", "")],
)
def test_encryption_can_be_required_by_an_owner(tls: str, level: str, outcome: str) -> None:
    assert told(encrypted.check_encrypted_for(cases.rcpt(facts=cases.mail(tls=tls)), level)) == outcome


@pytest.mark.parametrize(
    ("listings", "outcome"),
    [
        ((), ""),
        ((Listing("zen.example"),), ""),
        ((Listing("zen.example", ("127.0.0.2",)),), "550 5.7.1 dnsbl-listed"),
        ((Listing("zen.example", ("127.0.0.2",), is_known=False),), ""),
        ((Listing("dead.example", is_known=False), Listing("zen.example", ("127.0.0.9",))), "550 5.7.1 dnsbl-listed"),
    ],
)
def test_who_is_listed_is_refused(listings: tuple[Listing, ...], outcome: str) -> None:
    verdict = dnsbl.check_dnsbl(cases.rcpt(facts=cases.mail(listings=listings)))
    assert told(verdict) == outcome
    assert not outcome or "zen.example" in verdict.said, "whom to ask about it"


@pytest.mark.parametrize(
    ("path", "taken", "outcome"), [("", 0, ""), ("", 1, "452 4.5.3 null-several"), ("a@b.c", 5, "")]
)
def test_a_notification_has_one_recipient(path: str, taken: int, outcome: str) -> None:
    assert told(null.check_null_recipients(cases.rcpt(facts=cases.mail(path), taken=taken), 1)) == outcome


@pytest.mark.parametrize(
    ("path", "to", "outcome"),
    [
        ("", "Info@example.org", "550 5.7.1 null-never"),
        ("", "alice@example.org", ""),
        ("a@b.c", "info@example.org", ""),
    ],
)
def test_an_address_that_sends_nothing_gets_no_notifications(path: str, to: str, outcome: str) -> None:
    assert told(null.check_null_address(cases.rcpt(to, cases.mail(path)), frozenset(("info@example.org",)))) == outcome


@pytest.mark.parametrize("hasty", [False, True])
def test_who_does_not_wait_can_be_refused(hasty: bool) -> None:
    verdict = pipelining.check_pipelining(cases.hello(hasty=hasty))
    assert told(verdict) == ("503 5.5.1 pipelining-hasty" if hasty else "")
    assert verdict.closes is hasty
    assert told(pipelining.check_pipelining(cases.mail(hasty=hasty))) == told(verdict)


PART = b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n%s\r\n\r\nx\r\n--b--\r\n"
RULES = contents.content_rules((".exe", ".tar.gz", "Application/X-MsDownload"))


@pytest.mark.parametrize(
    ("header", "is_refused"),
    [
        (b"Content-Type: text/plain", False),
        (b'Content-Disposition: attachment; filename="a.txt"', False),
        (b'Content-Disposition: attachment; filename="a.exe"', True),
        (b'Content-Disposition: attachment; filename="A.EXE"', True),
        (b'Content-Disposition: attachment; filename="a.exe. "', True),
        (b'Content-Disposition: attachment; filename="a.exe.txt"', False),
        (b"Content-Disposition: attachment; filename*=utf-8''a%2Eexe", True),
        (b'Content-Type: application/pdf; name="a.exe"', True),
        (b'Content-Type: text/plain; name="a.exe"\r\nContent-Disposition: attachment; filename="a.txt"', True),
        (b'Content-Type: application/x-msdownload; name="a"', True),
        (b"Content-Disposition: attachment; filename=b.tar.gz", True),
        (b"Content-Disposition: attachment; filename=b.gz", False),
    ],
)
def test_attachments_are_refused_by_their_names_and_types(header: bytes, is_refused: bool) -> None:
    verdict = contents.check_content_types(cases.content(octets=PART % header), RULES)
    assert told(verdict) == ("550 5.7.1 content-type" if is_refused else "")


@pytest.mark.parametrize(
    ("find", "facts", "finding"),
    [
        (encrypted.find_encrypted, cases.content(), "not encrypted"),
        (encrypted.find_encrypted, cases.content(cases.mail(tls="TLSv1.1")), "TLSv1.1"),
        (encrypted.find_encrypted, cases.content(cases.mail(tls="TLSv1.3")), ""),
        (reverse.find_reverse, cases.content(), ""),
        (reverse.find_reverse, cases.content(cases.mail(found=cases.found())), ""),
        (reverse.find_reverse, cases.content(cases.mail(found=cases.found(reverse=Result.FAIL))), "no reverse name"),
        (reverse.find_reverse, cases.content(cases.mail(found=cases.found(reverse=Result.TEMPERROR))), ""),
        (hello.find_hello, cases.content(cases.mail(found=cases.found(hello=Result.FAIL))), "hello is not its name"),
        (hello.find_hello, cases.content(cases.mail(found=cases.found(hello=Result.PERMERROR))), "hello is no name"),
        (hello.find_hello, cases.content(), ""),
        (spf.find_spf, cases.content(cases.mail(found=cases.found(spf=Result.SOFTFAIL))), "SPF softfail"),
        (spf.find_spf, cases.content(cases.mail(found=cases.found(spf=Result.FAIL))), "SPF fail"),
        (spf.find_spf, cases.content(cases.mail(found=cases.found(spf=Result.PASS))), ""),
        (
            dnsbl.find_dnsbl,
            cases.content(cases.mail(listings=(Listing("z.example", ("127.0.0.2",)),))),
            "listed at z.example",
        ),
        (pipelining.find_pipelining, cases.content(cases.mail(hasty=True)), "does not wait for answers"),
        (pipelining.find_pipelining, cases.content(), ""),
    ],
)
def test_what_refuses_nothing_is_told(find: Callable[[ContentFacts], str], facts: ContentFacts, finding: str) -> None:
    assert find in FINDERS
    assert find(facts) == finding


CAUSES: list[Cause] = list(dict.fromkeys(cause for row in TABLE for cause in row.causes))


@pytest.mark.parametrize("cause", CAUSES, ids=lambda one: one.code)
def test_every_cause_can_be_told_to_a_client(cause: Cause) -> None:
    """One line of ASCII, short enough for a reply with its code (RFC 5321 §4.5.3.1.5)."""
    reply = refusal_reply(cause.refuse())
    assert reply.code // 100 == int(cause.status[0])
    assert all(len(line) <= 512 for line in reply.wire.split(b"\r\n"))
    assert cause.refuse().reason.startswith(f"{cause.code}: ")
    assert cause.remedy
    assert cause.said.isascii()


def test_no_two_causes_have_one_code() -> None:
    assert len({cause.code for cause in CAUSES}) == len(CAUSES)
