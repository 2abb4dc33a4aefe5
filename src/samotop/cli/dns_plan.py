"""Which records a domain needs, and why: a pure plan from what the home says to sections of a zone.

    MX, A, AAAA      where its mail goes                         RFC 5321 §5.1
    SPF              who may send for it, and the host's hello   RFC 7208
    DKIM             the keys that check its signatures          RFC 6376, RFC 8463
    DMARC            what becomes of mail that fails both        RFC 9989
    TLSA             our certificate, for senders with DANE      RFC 7672
    MTA-STS          that mail comes encrypted, without DNSSEC   RFC 8461
    TLS-RPT          where senders report broken encryption      RFC 8460
    SRV              where mail programs find us, or that they do not  RFC 6186, RFC 8314
    CAA              who may issue a certificate for the host    RFC 8659

Reports go to ``postmaster@`` of the domain, which is always taken. Records of
a name outside of the domain are comments: they belong into another zone.
Raises nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from samotop.cli.dns_records import Needed, Section, Situation
from samotop.cli.dns_zone import format_line
from samotop.dns.zonefile import format_strings
from samotop.tlspolicy.stspolicy import Mode, StsPolicy, format_sts_record, format_url, plan_policy

SERVICES: Final = ("submissions", "submission", "imaps", "imap")
"""Services that mail programs look for (RFC 6186 §3, RFC 8314 §5.1)."""
USUAL_ISSUER: Final = "letsencrypt.org"
"""Who issues most servers' certificates: for a host that has one of its own making so far."""
EXAMPLE_ADDRESS: Final = "192.0.2.1"
"""Stands for an address that we do not know, in comments alone (RFC 5737)."""


def plan_sections(situation: Situation) -> list[Section]:
    """All sections, in the order in which they are printed."""
    return [
        _plan_exchange(situation),
        _plan_addresses(situation),
        *_plan_spf(situation),
        plan_dkim(situation),
        _plan_dmarc(situation),
        _plan_tlsa(situation),
        _plan_sts(situation),
        _plan_tls_reports(situation),
        _plan_services(situation),
        _plan_issuers(situation),
    ]


def _plan_exchange(at: Situation) -> Section:
    remarks = ""
    if at.receives_at is None:
        remarks = "Nothing listens for mail from the world yet: samotop.toml has no [[listen]] with protocol smtp."
    elif at.receives_at != 25:
        remarks = (
            f"Other servers come to port 25 and to no other; yours listens on {at.receives_at}. "
            "Have port 25 forwarded to it."
        )
    if at.hidden:
        listed = ", ".join(at.hidden)
        remarks += f"\nReached from this machine alone, as samotop.toml stands: {listed}."
    record = Needed("MX", at.domain, "MX", f"10 {at.hostname}.")
    return Section("MX", "Mail for the domain comes to this host.", (record,), remarks.strip())


def _plan_addresses(at: Situation) -> Section:
    why = f"Where {at.hostname} is."
    records = tuple(
        Needed("address", at.hostname, "AAAA" if ":" in address else "A", address) for address in at.addresses
    )
    remarks = []
    if not records:
        example = Needed("address", at.hostname, "A", EXAMPLE_ADDRESS)
        remarks.append(
            "A PLACEHOLDER, which is a comment so that it cannot be published by mistake: put the server's public "
            f"address in its place, or say --address.\n{format_line(example, at.domain)}"
        )
    pointed = ", ".join(at.addresses) or "the address"
    remarks.append(
        f"Not in this zone, but whoever gave you the address can set it: the reverse DNS of {pointed} must be "
        f"{at.hostname}. Without it many servers refuse your mail."
    )
    return Section("A, AAAA", why, records, "\n".join(remarks))


def _plan_spf(at: Situation) -> Iterator[Section]:
    if at.smarthost:
        policy = f"v=spf1 mx a:{at.smarthost} ~all"
        remarks = (
            f"Your mail leaves through {at.smarthost}: ask who runs it for the right term, mostly include:..., "
            "and put it in the place of a:..., then -all in that of ~all."
        )
    else:
        policy, remarks = "v=spf1 mx -all", ""
    why = "SPF: mail from the domain comes from the host above and from nowhere else."
    records = [Needed("SPF", at.domain, "TXT", format_strings(policy))]
    if at.hostname != at.domain:
        records.append(Needed("SPF of the host", at.hostname, "TXT", format_strings("v=spf1 a -all")))
        why += " The second one is for bounces, which have no sender but the host itself."
    yield Section("SPF", why, tuple(records), remarks)


def plan_dkim(at: Situation) -> Section:
    """The records of the keys alone."""
    why = "DKIM: with these keys a receiver finds that a message is from the domain, and that nobody has changed it."
    words = {
        "signs": "{} sign now.",
        "waits": "{} wait: they sign once DNS answers with them and you say samotop dns rotate again.",
        "retired": "{} signed before: keep their records until samotop dns rotate removes them.",
    }
    remarks = []
    if at.keys and all(key.state == "signs" for key in at.keys):
        remarks.append("The server signs with them from the moment they are made: publish them before mail is sent.")
    if any(key.state != "signs" for key in at.keys):
        for state, sentence in words.items():
            named = [key.selector for key in at.keys if key.state == state]
            if named:
                remarks.append(sentence.format(" and ".join(named)))
    records = tuple(
        Needed("DKIM", f"{key.selector}._domainkey.{at.domain}", "TXT", format_strings(key.record)) for key in at.keys
    )
    return Section("DKIM", why, records, "\n".join(remarks))


def _plan_dmarc(at: Situation) -> Section:
    policy = f"v=DMARC1; p=quarantine; np=reject; rua=mailto:postmaster@{at.domain}"
    why = (
        "DMARC: mail that claims to be from the domain and passes neither SPF nor DKIM for it goes to the junk folder; "
        "from a subdomain that does not exist, it is refused. Other servers report once a day."
    )
    remarks = "p=reject is stricter: better wait until the reports show that all of your own mail passes."
    return Section("DMARC", why, (Needed("DMARC", f"_dmarc.{at.domain}", "TXT", format_strings(policy)),), remarks)


def _plan_tlsa(at: Situation) -> Section:
    why = (
        "TLSA: who delivers mail to us checks our certificate's key by this (DANE), and nobody on the way can read it. "
        "It counts only where the zone is signed with DNSSEC; a certificate of our own making is as good as any here."
    )
    if at.certificate is None:
        return Section("TLSA", why, (), "There is no certificate: samotop.toml has no listener for mail with TLS.")
    data = f"3 1 1 {at.certificate.key_digest.hex()}"
    remarks = "A new key for the certificate means a new record here, published before the key is used."
    return Section("TLSA", why, (Needed("TLSA", f"_25._tcp.{at.hostname}", "TLSA", data),), remarks)


def plan_sts_policy(at: Situation) -> StsPolicy:
    """The policy that we ask for: enforced once the certificate is one that strangers can verify (RFC 8461 §3.2)."""
    is_issued = at.certificate is not None and not at.certificate.is_self_signed
    return at.sts or plan_policy(at.hostname, is_issued=is_issued)


def _plan_sts(at: Situation) -> Section:
    policy = plan_sts_policy(at)
    why = "MTA-STS: tells servers without DANE that mail to us is to come encrypted."
    shown = "".join(f"\n    {line}" for line in policy.lines)
    records = [Needed("MTA-STS", f"_mta-sts.{at.domain}", "TXT", format_strings(format_sts_record(policy)))]
    if at.serves_web:
        records.append(Needed("MTA-STS host", f"mta-sts.{at.domain}", "CNAME", f"{at.hostname}."))
        remarks = (
            f"Your server answers {format_url(at.domain)} itself, with the text below. Its certificate for the web "
            f"must name mta-sts.{at.domain}; without that nothing changes:{shown}"
        )
    else:
        remarks = (
            f"Serve this text at {format_url(at.domain)}; without it nothing changes. A [[listen]] with protocol web "
            f"does that:{shown}"
        )
    if policy.mode is Mode.TESTING:
        remarks += (
            "\nThe mode is testing because the certificate is not of a public authority, as MTA-STS wants it, or "
            "because [mta_sts] says so. mode: enforce protects; the id above changes with it."
        )
    return Section("MTA-STS", why, tuple(records), remarks)


def _plan_tls_reports(at: Situation) -> Section:
    data = format_strings(f"v=TLSRPTv1; rua=mailto:postmaster@{at.domain}")
    why = "TLS-RPT: servers that cannot deliver to us encrypted report it here once a day."
    return Section("TLS-RPT", why, (Needed("TLS-RPT", f"_smtp._tls.{at.domain}", "TXT", data),))


def _plan_services(at: Situation) -> Section:
    why = (
        "SRV: mail programs find the server from the address alone. "
        "A dot says that there is no such service, so that nobody tries."
    )
    records = []
    for service in SERVICES:
        port = at.services.get(service)
        data = f"0 1 {port} {at.hostname}." if port else "0 0 0 ."
        records.append(Needed("SRV", f"_{service}._tcp.{at.domain}", "SRV", data))
    return Section("SRV", why, tuple(records))


def _plan_issuers(at: Situation) -> Section:
    issuer = (at.certificate.issuer if at.certificate is not None else "") or USUAL_ISSUER
    why = (
        "CAA: only this authority may issue a certificate for the host, and tells us when somebody else asks it to. "
        "The rest of the domain, a web site for instance, is not concerned."
    )
    remarks = "" if at.certificate is not None and at.certificate.issuer else "Put your own authority's name here."
    records = (
        Needed("CAA", at.hostname, "CAA", f'0 issue "{issuer}"'),
        Needed("CAA", at.hostname, "CAA", f'0 iodef "mailto:postmaster@{at.domain}"'),
    )
    return Section("CAA", why, records, remarks)
