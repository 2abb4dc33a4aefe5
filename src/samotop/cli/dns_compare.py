"""Compares what DNS answered with what is needed: meaning with meaning, not text with text.

A key record is good that holds our key, a policy that is no weaker than ours.
Pure; each ``compare_`` takes the needed records of one name and type with the
answer, and returns findings. SPF, which asks further, is ``dns_check``'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from samotop.cli.dns_finding import ADVICE, DIFFERS, EXTRA, MISSING, OK, Finding, find
from samotop.cli.dns_records import Needed
from samotop.dns.answer import Answer
from samotop.dns.rdata import parse_record
from samotop.dns.records import Caa, Mx, Record, Srv, Tlsa
from samotop.msgauth.dmarc.record import NoDmarcRecord, Policy
from samotop.msgauth.dmarc.record import is_record as is_dmarc
from samotop.msgauth.dmarc.record import parse_record as parse_dmarc
from samotop.msgauth.signature import KeyRecordError, parse_key_record

SHOWN_LIMIT: Final = 10
"""Answers of one name that are shown: who has more knows why."""

_STS: Final = re.compile(rb"v=STSv1[ \t]*;[ \t]*id=[A-Za-z0-9]{1,32}[ \t]*(?:;.{0,1000})?", re.DOTALL)
_TLS_REPORTS: Final = re.compile(rb"v=TLSRPTv1[ \t]*;[ \t]*rua=(?:mailto|https):[!-~ \t]{1,1000}", re.DOTALL)


def compare_records(needed: Sequence[Needed], answer: Answer, domain: str) -> list[Finding]:
    """The findings about records of one purpose, name and type; ``domain`` is the zone."""
    return list(_COMPARED[needed[0].purpose](needed, answer, domain))


def _compare_exchanges(needed: Sequence[Needed], answer: Answer, domain: str) -> Iterator[Finding]:
    record = needed[0]
    wanted = _read(record)
    assert isinstance(wanted, Mx)
    hosts = [one.host for one in answer.exchanges]
    shown = [f"{one.preference} {one.host}." for one in answer.exchanges]
    if not hosts:
        words = "nobody is told where the domain's mail goes"
        yield find(record, MISSING, words, domain=domain)
    elif "" in hosts:
        words = "a null MX says that the domain takes no mail at all"
        yield find(record, DIFFERS, words, domain=domain, found=shown)
    elif wanted.host not in hosts:
        yield find(record, DIFFERS, f"mail goes to {_listed(hosts)}, not to us", domain=domain, found=shown)
    else:
        yield find(record, OK, f"mail comes to {wanted.host}")
        ours = min(one.preference for one in answer.exchanges if one.host == wanted.host)
        for one in answer.exchanges:
            if one.host != wanted.host and one.preference <= ours:
                yield find(
                    record, EXTRA, f"mail goes to {_shown(one.host)} as well, before us or as likely", found=shown
                )
            elif one.host != wanted.host:
                yield find(record, ADVICE, f"while we are away mail goes to {_shown(one.host)}: is that yours?")


def _compare_keys(needed: Sequence[Needed], answer: Answer, domain: str) -> Iterator[Finding]:
    record = needed[0]
    wanted = parse_key_record(_text(record))
    if not answer.texts:
        yield find(record, MISSING, "nobody can check what this key signed", domain=domain)
    elif len(answer.texts) > 1:
        words = f"there are {len(answer.texts)} texts, and a receiver may take any of them: only one may stay"
        yield find(record, EXTRA, words, domain=domain, found=_show_texts(answer))
    else:
        try:
            found = parse_key_record(answer.texts[0])
        except KeyRecordError as error:
            words = f"what is there is no key record: it {error}"
            yield find(record, DIFFERS, words, domain=domain, found=_show_texts(answer))
            return
        if found.is_revoked:
            yield find(record, DIFFERS, "the record says that this key was revoked", domain=domain)
        elif (found.type, found.public) != (wanted.type, wanted.public):
            words = "another key is published: what ours signed will fail"
            yield find(record, DIFFERS, words, domain=domain, found=_show_texts(answer))
        elif not found.is_for_mail:
            yield find(record, DIFFERS, "the record says that the key is not for mail (s=)", domain=domain)
        elif found.is_testing:
            yield find(record, ADVICE, "the key is published as a test (t=y), and may not count for receivers")
        else:
            yield find(record, OK, "our key is published")


def _compare_dmarc(needed: Sequence[Needed], answer: Answer, domain: str) -> Iterator[Finding]:
    record = needed[0]
    found = [text for text in answer.texts if is_dmarc(text)]
    if len(found) > 1:
        words = f"there are {len(found)} DMARC records, which counts as none: only one may stay"
        yield find(record, EXTRA, words, domain=domain, found=_show_texts(answer))
        return
    if not found:
        if answer.texts:
            words = "what is there is no DMARC record: one begins with v=DMARC1;"
            yield find(record, DIFFERS, words, domain=domain, found=_show_texts(answer))
        else:
            words = "anybody may write in the domain's name, and you get no reports of it"
            yield find(record, MISSING, words, domain=domain)
        return
    try:
        policy = parse_dmarc(found[0])
    except NoDmarcRecord:  # too long, by what is_dmarc says too
        yield find(record, DIFFERS, "the DMARC record cannot be read", domain=domain)
        return
    if policy.p is None or policy.is_damaged:
        words = f"the DMARC record is not valid: {_listed(policy.problems) or 'it has no p='}"
        yield find(record, DIFFERS, words, domain=domain, found=_show_texts(answer))
        return
    if policy.p is Policy.NONE or policy.is_testing:
        words = "p=none only watches: forged mail is delivered. Once the reports show no mail of yours that fails:"
        yield find(record, ADVICE, words, domain=domain)
    else:
        yield find(record, OK, f"forged mail is {'refused' if policy.p is Policy.REJECT else 'junk'}: p={policy.p}")
    if not policy.rua:
        yield find(record, ADVICE, "there is no rua=, so that you get no reports", domain=domain)
    for problem in policy.problems:
        yield find(record, ADVICE, f"in the DMARC record, {problem}")


def _compare_sts(needed: Sequence[Needed], answer: Answer, domain: str) -> Iterator[Finding]:
    missing = "servers without DANE may be talked into delivering in the clear"
    yield _compare_one_text(needed[0], answer, domain, b"v=STSv1", _STS, missing, "MTA-STS is announced")


def _compare_tls_reports(needed: Sequence[Needed], answer: Answer, domain: str) -> Iterator[Finding]:
    missing = "you will not hear of servers that cannot deliver to us encrypted"
    ok = "broken encryption is reported"
    yield _compare_one_text(needed[0], answer, domain, b"v=TLSRPTv1", _TLS_REPORTS, missing, ok)


def _compare_one_text(
    record: Needed, answer: Answer, domain: str, start: bytes, form: re.Pattern[bytes], missing: str, ok: str
) -> Finding:
    """A text of which there may be one, known by its beginning; another one of good form is its owner's choice."""
    found = [text for text in answer.texts if text.startswith(start)]
    if not found:
        return find(record, MISSING, missing, domain=domain, found=_show_texts(answer))
    if len(found) > 1:
        words = f"there are {len(found)} of them, which counts as none: only one may stay"
        return find(record, EXTRA, words, domain=domain, found=_show_texts(answer))
    if found[0] == _text(record):
        return find(record, OK, ok)
    if form.fullmatch(found[0]):
        return find(record, OK, f"{ok}, in other words than ours", found=_show_texts(answer))
    return find(record, DIFFERS, "the record is not valid", domain=domain, found=_show_texts(answer))


def _compare_certificates(needed: Sequence[Needed], answer: Answer, domain: str) -> Iterator[Finding]:
    record = needed[0]
    wanted = _read(record)
    shown = [_show(one) for one in answer.certificates]
    if not shown:
        words = "nobody can tell our certificate from that of somebody in between"
        yield find(record, MISSING, words, domain=domain)
    elif wanted not in answer.certificates:
        words = "none of these is our key: servers that check will not deliver to us"
        yield find(record, DIFFERS, words, domain=domain, found=shown)
    else:
        yield find(record, OK, "our certificate's key is published")
        if not answer.is_secure:
            yield find(
                record, ADVICE, "the zone is not signed with DNSSEC, as far as we can see: nobody uses this record"
            )


def _compare_services(needed: Sequence[Needed], answer: Answer, domain: str) -> Iterator[Finding]:
    record = needed[0]
    wanted = _read(record)
    assert isinstance(wanted, Srv)
    shown = [_show(one) for one in answer.services]
    is_there = bool(wanted.host)
    if not shown:
        words = "mail programs have to guess where it is" if is_there else "mail programs try what is not there"
        yield find(record, MISSING, words, domain=domain)
    elif all((one.host, one.port if is_there else 0) == (wanted.host, wanted.port) for one in answer.services):
        told = f"mail programs find it at {wanted.host}, port {wanted.port}" if is_there else "says that there is none"
        yield find(record, OK, told)
    else:
        words = "mail programs are sent elsewhere" if is_there else "mail programs are sent to what we do not have"
        yield find(record, DIFFERS, words, domain=domain, found=shown)


def _compare_issuers(needed: Sequence[Needed], answer: Answer, domain: str) -> Iterator[Finding]:
    found = [one for one in answer.records if isinstance(one, Caa)]
    shown = [_show(one) for one in found]
    for record in needed:
        wanted = _read(record)
        assert isinstance(wanted, Caa)
        same = [one for one in found if one.tag == wanted.tag]
        if not same and wanted.tag == "iodef":
            words = "authorities do not tell you who asked them for a certificate in vain"
            yield find(record, MISSING if not found else ADVICE, words, domain=domain)
        elif not same:
            yield find(
                record, MISSING, "any authority may issue a certificate for our host", domain=domain, found=shown
            )
        elif wanted.value in [one.value for one in same]:
            told = "only the authority named here may issue" if wanted.tag == "issue" else "you are told of refusals"
            yield find(record, OK, told)
        else:
            yield find(record, OK, f"you chose others: {_listed(shown)}")


_COMPARED: Final[dict[str, Callable[[Sequence[Needed], Answer, str], Iterator[Finding]]]] = {
    "MX": _compare_exchanges,
    "DKIM": _compare_keys,
    "DMARC": _compare_dmarc,
    "TLSA": _compare_certificates,
    "MTA-STS": _compare_sts,
    "TLS-RPT": _compare_tls_reports,
    "SRV": _compare_services,
    "CAA": _compare_issuers,
}


def _read(record: Needed) -> Record:
    return parse_record(record.type, record.data)


def _text(record: Needed) -> bytes:
    text = _read(record)
    assert isinstance(text, bytes)
    return text


def _show_texts(answer: Answer) -> list[str]:
    return [text.decode("utf-8", "replace") for text in answer.texts[:SHOWN_LIMIT]]


def _show(record: Record) -> str:
    """A record that DNS answered with, for people."""
    if isinstance(record, Srv):
        return f"{record.priority} {record.weight} {record.port} {record.host}."
    if isinstance(record, Tlsa):
        return f"{record.usage} {record.selector} {record.matching} {record.octets.hex()}"
    if isinstance(record, Caa):
        return f'{record.flags} {record.tag} "{record.value.decode("ascii", "replace")}"'
    return str(record)


def _shown(host: str) -> str:
    return host or "nobody"


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(texts[:SHOWN_LIMIT])
