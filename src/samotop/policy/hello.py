"""What a client calls itself: does it lie, and is it a name? (RFC 5321 §4.1.4)

Who calls itself by our name, or by our own address, lies: nobody else has these. Who calls itself by one of our
domains lies unless the name leads to its address: a domain's web server may have that name. Both are refused. That
a name is none, or that an address in brackets is another's, is true of many honest servers, and RFC 5321 §4.1.4
forbids to refuse mail for it: ``strict`` does so all the same, where the operator wants that, and never before MAIL,
as our own users' programs say such things before they log in.

Facts in, verdict out. Raises nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from samotop.address import Address
from samotop.dns.names import normalize_name
from samotop.facts import ContentFacts, HelloFacts, MailFacts, RecipientFacts
from samotop.msgauth.hello import parse_hello
from samotop.msgauth.results import Result
from samotop.policy.cause import Cause
from samotop.verdict import ABSTAIN, Verdict

OURS: Final = Cause(
    "hello-ours",
    "5.7.1",
    "calls itself by our name",
    "That is our name or address, not yours",
    "give the sending server its own name in EHLO",
    "hello",
)
OUR_DOMAIN: Final = Cause(
    "hello-domain",
    "5.7.1",
    "calls itself by our domain, which does not lead to its address",
    "That is a domain of ours, and does not lead to your address",
    "give the sending server its own name in EHLO, or the name an address record",
    "hello",
)
NO_NAME: Final = Cause(
    "hello-name",
    "5.7.1",
    "calls itself by no fully qualified name",
    "Say your fully qualified domain name in EHLO",
    "give the sending server a fully qualified name",
    'hello = "strict"',
)
LITERAL: Final = Cause(
    "hello-literal",
    "5.7.1",
    "names another's address",
    "The address that you say in EHLO is not yours",
    "let the sending server say its name, or its own address",
    'hello = "strict"',
)
CAUSES: Final = (OURS, OUR_DOMAIN, NO_NAME, LITERAL)

_OURS: Final = OURS.refuse()
_OUR_DOMAIN: Final = OUR_DOMAIN.refuse()
_NO_NAME: Final = NO_NAME.refuse()
_LITERAL: Final = LITERAL.refuse()


@dataclass(frozen=True, slots=True)
class HelloRules:
    """``mode`` is off, ours or strict. ``hostname`` and ``domains`` are ours, in lower case and A-labels."""

    mode: str = "ours"
    hostname: str = ""
    domains: frozenset[str] = frozenset()


def check_hello(facts: HelloFacts, rules: HelloRules) -> Verdict:
    """At the hello: 550 5.7.1 for our own name or address."""
    name = facts.hello
    if name.removesuffix(".").lower() == rules.hostname:
        return _OURS
    if not (_is_bracketed(name) or name[-1:].isdigit()):  # in a hurry: most names end with a letter
        return ABSTAIN
    address = _address(name)
    is_ours = bool(address) and address == facts.connection.local_address != facts.peer.address
    return _OURS if is_ours else ABSTAIN


def check_hello_form(facts: MailFacts, rules: HelloRules) -> Verdict:
    """At MAIL, where the rules are strict: 550 5.7.1 for what is no name, or another's address."""
    if rules.mode != "strict":
        return ABSTAIN
    name = facts.hello.hello
    if _is_bracketed(name):
        return ABSTAIN if _address(name) == facts.peer.address else _LITERAL
    return ABSTAIN if parse_hello(name) else _NO_NAME


def needs_address(hello: str, rules: HelloRules) -> bool:
    """Does it matter whether the name leads to the client's address?"""
    return rules.mode != "off" and _normalize(hello) in rules.domains


def check_hello_domain(facts: RecipientFacts, rules: HelloRules) -> Verdict:
    """At RCPT: 550 5.7.1 for a domain of ours that does not lead to the client. DNS that is silent is no proof."""
    found = facts.mail.authentication
    if found is None or found.hello is None or found.hello.result is not Result.FAIL:
        return ABSTAIN
    return _OUR_DOMAIN if needs_address(facts.mail.hello.hello, rules) else ABSTAIN


def find_hello(facts: ContentFacts) -> str:
    """For the trace: a name that does not lead to the client, or none."""
    found = facts.authentication
    if found is None or found.hello is None:
        return ""
    words = {Result.FAIL: "hello is not its name", Result.PERMERROR: "hello is no name"}
    return words.get(found.hello.result, "")


def _is_bracketed(name: str) -> bool:
    return name.startswith("[")


def _address(name: str) -> str:
    """The IP address that the name is, with or without brackets; empty for others."""
    literal = Address("", name).literal if _is_bracketed(name) else None
    try:
        return str(literal or ip_address(name))
    except ValueError:
        return ""


def _normalize(name: str) -> str:
    try:
        return normalize_name(name)
    except ValueError:
        return ""
