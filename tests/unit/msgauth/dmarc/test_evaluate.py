"""DMARC as a whole: RFC 9989's own examples, and the rules that they do not show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samotop.dns.answer import Answer, Status
from samotop.msgauth import dmarc
from samotop.msgauth.author import find_author
from samotop.msgauth.dmarc.alignment import WALK_LIMIT
from samotop.testing.zones import Table, ZoneResolver


@dataclass(frozen=True)
class Found:
    """What SPF or DKIM found."""

    domain: str
    result: str = "pass"


def zones(records: Mapping[str, str | list[str]], others: Mapping[str, Table | str] | None = None) -> ZoneResolver:
    """DNS with these DMARC records at these domains; a failure's word in place of a record."""
    tables: dict[str, Table | str] = dict(others or {})
    for domain, texts in records.items():
        if texts in ("TIMEOUT", "SERVFAIL"):
            tables[f"_dmarc.{domain}"] = texts
        else:
            listed = [texts] if isinstance(texts, str) else texts
            tables[f"_dmarc.{domain}"] = {"TXT": [f'"{text}"' for text in listed]}
    return ZoneResolver(tables)


async def check(
    resolver: ZoneResolver, author: str, spf: str | Found | None = None, dkim: Iterable[str | Found] = ()
) -> dmarc.DmarcResult:
    spf_result = Found(spf) if isinstance(spf, str) else spf
    return await dmarc.evaluate(author, spf_result, [Found(d) if isinstance(d, str) else d for d in dkim], resolver)


def asked(resolver: ZoneResolver) -> list[str]:
    return [name.removeprefix("_dmarc.") for name, kind in resolver.questions if kind == "TXT"]


REJECT = "v=DMARC1; p=reject"


# ---- the tables and appendices of RFC 9989


@pytest.mark.parametrize(
    ("author", "identified", "strict", "relaxed"),
    [
        ("news.example.com", "foo.example.com", "fail", "pass"),
        ("news.example.com", "news.example.com", "pass", "pass"),
        ("news.example.com", "foo.example.net", "fail", "fail"),
        ("example.com", "example.com", "pass", "pass"),
        ("example.com", "child.example.com", "fail", "pass"),
        ("child.example.com", "example.net", "fail", "fail"),
        ("child.example.com", "example.com", "fail", "pass"),
    ],
)
async def test_alignment_is_that_of_the_rfc(author: str, identified: str, strict: str, relaxed: str) -> None:
    """RFC 9989 §4.4 table 1 and Appendix B.1, for SPF and for DKIM."""
    for mode, expected in (("s", strict), ("r", relaxed)):
        resolver = zones({"example.com": f"v=DMARC1; p=reject; aspf={mode}; adkim={mode}"})
        assert (await check(resolver, author, spf=identified)).result == expected
        found = await check(resolver, author, dkim=[identified])
        assert found.result == expected
        assert found.aligned == (("dkim",) if expected == "pass" else ())


async def test_a_simple_tree() -> None:
    """RFC 9989 Appendix B.4.1: both have records, the highest is the organization."""
    resolver = zones({"example.com": REJECT, "signing.example.com": REJECT})
    found = await check(resolver, "example.com", spf="example.com", dkim=["signing.example.com"])
    assert (found.result, found.aligned) == ("pass", ("spf", "dkim"))
    assert (found.domain, found.organizational_domain) == ("example.com", "example.com")
    assert asked(resolver) == ["example.com", "com", "signing.example.com"]


async def test_a_deep_tree() -> None:
    """RFC 9989 Appendix B.4.2: eight questions, the second for the last seven labels."""
    resolver = zones({"example.com": REJECT, "signing.example.com": REJECT})
    author = "a.b.c.d.e.f.g.h.i.j.k.example.com"
    found = await check(resolver, author, spf="example.com", dkim=["signing.example.com"])
    assert (found.result, found.aligned, found.domain) == ("pass", ("spf", "dkim"), "example.com")
    assert asked(resolver) == [
        author,
        "g.h.i.j.k.example.com",
        "h.i.j.k.example.com",
        "i.j.k.example.com",
        "j.k.example.com",
        "k.example.com",
        "example.com",
        "com",
        "signing.example.com",
    ]


async def test_a_tree_with_a_public_suffix() -> None:
    """RFC 9989 Appendix B.4.3: the bank's name service has psd=y, and each bank is its own organization."""
    resolver = zones({"bank.example": "v=DMARC1; p=reject; psd=y", "giant.bank.example": "v=DMARC1; p=quarantine"})
    found = await check(resolver, "giant.bank.example", spf="mail.giant.bank.example", dkim=["mail.mega.bank.example"])
    assert (found.result, found.aligned, found.policy) == ("pass", ("spf",), "quarantine")
    assert (found.domain, found.organizational_domain) == ("giant.bank.example", "giant.bank.example")
    assert "example" not in asked(resolver)


async def test_the_mail_receivers_example() -> None:
    """RFC 9989 Appendix B.3.1."""
    resolver = zones({"example.com": "v=DMARC1; p=reject; aspf=r; rua=mailto:dmarc-feedback@example.com"})
    found = await check(resolver, "example.com", spf="mail.example.com", dkim=["example.com"])
    assert (found.result, found.aligned) == ("pass", ("spf", "dkim"))


async def test_an_organization_may_begin_below_another() -> None:
    """RFC 9989 §4.10.2: psd=n."""
    resolver = zones({"mail.example.com": "v=DMARC1; p=reject; psd=n", "example.com": "v=DMARC1; p=none"})
    found = await check(resolver, "a.mail.example.com", dkim=["example.com"])
    assert (found.result, found.policy, found.domain) == ("fail", "reject", "mail.example.com")
    assert found.organizational_domain == "mail.example.com"
    assert (await check(resolver, "a.mail.example.com", dkim=["b.mail.example.com"])).result == "pass"


async def test_only_a_public_suffix_has_a_record() -> None:
    """RFC 9989 §4.10.2, the last example; its policy is that for subdomains."""
    resolver = zones({"com": "v=DMARC1; p=none; sp=quarantine; psd=y"}, {"a.mail.example.com": {"A": ["192.0.2.1"]}})
    found = await check(resolver, "a.mail.example.com", spf="example.com")
    assert (found.result, found.organizational_domain, found.domain) == ("pass", "example.com", "com")
    assert (found.policy, found.tag) == ("quarantine", "sp")
    assert (await check(resolver, "a.mail.example.com", spf="other.com")).result == "fail"


async def test_a_department_below_eight_labels_is_not_found() -> None:
    """RFC 9989 §5.1.8 warns of it."""
    resolver = zones({"example.com": "v=DMARC1; p=none", "b.c.d.e.f.g.example.com": "v=DMARC1; p=reject; psd=n"})
    found = await check(resolver, "mail.a.b.c.d.e.f.g.example.com")
    assert (found.domain, found.policy) == ("example.com", "none")
    assert len(asked(resolver)) == dmarc.QUERY_LIMIT


# ---- policy discovery


async def test_without_a_record_there_is_no_result() -> None:
    found = await check(zones({}), "example.com", spf="example.com", dkim=["example.com"])
    assert (found.result, found.policy, found.disposition, found.record) == ("none", "none", "none", None)
    assert found.domain == found.organizational_domain == "example.com"


async def test_several_records_are_none_and_the_walk_goes_on() -> None:
    """RFC 9989 §4.10, steps 2 and 6."""
    resolver = zones({"mail.example.com": [REJECT, "v=DMARC1; p=none; psd=n"], "example.com": "v=DMARC1; p=quarantine"})
    found = await check(resolver, "mail.example.com")
    assert (found.result, found.policy, found.domain) == ("fail", "quarantine", "example.com")
    assert found.problems


async def test_other_texts_beside_a_record_do_not_matter() -> None:
    resolver = zones({"example.com": ["google-site-verification=x", REJECT, "v=spf1 -all"]})
    assert (await check(resolver, "example.com")).policy == "reject"


async def test_a_record_between_is_not_the_policy() -> None:
    """The author's own, the organization's, the public suffix's, and no other (RFC 9989 §4.10.1)."""
    resolver = zones({"b.example.com": "v=DMARC1; p=none", "example.com": REJECT})
    found = await check(resolver, "a.b.example.com")
    assert (found.domain, found.policy) == ("example.com", "reject")
    under_suffix = zones({"c.b.example": "v=DMARC1; p=none", "example": "v=DMARC1; p=reject; psd=y"})
    found = await check(under_suffix, "d.c.b.example")
    assert (found.domain, found.policy, found.organizational_domain) == ("example", "reject", "b.example")


async def test_a_public_suffix_that_writes_itself_is_its_own_organization() -> None:
    """RFC 9989 §4.10.2: psd=y counts only above where the walk began."""
    resolver = zones({"bank.example": "v=DMARC1; p=reject; sp=none; psd=y"})
    found = await check(resolver, "bank.example", spf="mail.bank.example")
    assert (found.result, found.policy, found.organizational_domain) == ("fail", "reject", "bank.example")
    assert (await check(resolver, "mail.bank.example", dkim=["bank.example", "other.bank.example"])).result == "fail"


@pytest.mark.parametrize(
    ("record", "result"),
    [
        ("v=DMARC1; p=block", "permerror"),
        ("v=DMARC1; p=reject; sp=block", "permerror"),
        ("v=DMARC1; adkim=s", "none"),
        ("v=DMARC1; p=block; rua=mailto:a@example.com", "fail"),
        ("v=DMARC1; rua=mailto:a@example.com", "fail"),
    ],
)
async def test_a_record_without_a_policy(record: str, result: str) -> None:
    """RFC 9989 §4.10.1; nothing is rejected for it, and the walk does not look for a better one."""
    resolver = zones({"mail.example.com": record, "example.com": REJECT})
    found = await check(resolver, "mail.example.com")
    assert (found.result, found.policy, found.disposition) == (result, "none", "none")


async def test_an_international_domain_is_one_name() -> None:
    resolver = zones({"xn--bcher-kva.example": REJECT})
    found = await check(resolver, "bücher.example", dkim=["Mail.XN--BCHER-KVA.example."])
    assert (found.result, found.domain) == ("pass", "xn--bcher-kva.example")


@pytest.mark.parametrize(
    ("author", "result"),
    [("", "none"), (".", "none"), ("[192.0.2.1]", "none"), ("a..b", "permerror"), ("a" * 64 + ".org", "permerror")],
)
async def test_what_is_no_domain_asks_nothing(author: str, result: str) -> None:
    resolver = zones({"org": REJECT})
    assert (await check(resolver, author, spf=author)).result == result
    assert not resolver.questions


# ---- np and t


@pytest.mark.parametrize(
    ("author", "policy", "tag"),
    [("example.com", "reject", "p"), ("there.example.com", "none", "sp"), ("not.example.com", "quarantine", "np")],
)
async def test_what_does_not_exist_has_a_policy_of_its_own(author: str, policy: str, tag: str) -> None:
    resolver = zones(
        {"example.com": "v=DMARC1; p=reject; sp=none; np=quarantine"}, {"there.example.com": {"MX": ["0 ."]}}
    )
    found = await check(resolver, author)
    assert (found.result, found.policy, found.tag) == ("fail", policy, tag)


@pytest.mark.parametrize("table", [{"TXT": ['"x"']}, {"CNAME": ["nowhere.invalid."]}])
async def test_any_record_makes_a_domain_exist(table: Table) -> None:
    """RFC 9989 Appendix A.4: not only MX, A and AAAA; and an alias is a record, wherever it leads."""
    resolver = zones({"example.com": "v=DMARC1; p=reject; np=none"}, {"sub.example.com": table})
    assert (await check(resolver, "sub.example.com")).policy == "reject"


async def test_a_name_below_makes_a_domain_exist() -> None:
    """NXDOMAIN would deny everything below it too (RFC 8020)."""
    resolver = zones({"example.com": "v=DMARC1; p=reject; np=none"}, {"www.sub.example.com": {"A": ["192.0.2.1"]}})
    assert (await check(resolver, "sub.example.com")).policy == "reject"


async def test_nobody_asks_whether_a_domain_exists_without_np() -> None:
    resolver = zones({"example.com": "v=DMARC1; p=reject; sp=none"})
    assert (await check(resolver, "not.example.com")).policy == "none"
    assert {kind for _, kind in resolver.questions} == {"TXT"}


async def test_not_to_know_whether_a_domain_exists_fails_for_now() -> None:
    """Only where it matters: what passes, passes."""
    resolver = ZoneResolver({
        "_dmarc.example.com": {"TXT": ['"v=DMARC1; p=none; np=reject"']},
        "sub.example.com": {"A": "TIMEOUT"},
        "_dmarc.sub.example.com": {"TXT": ['"other"']},
    })  # fmt: skip
    assert (await check(resolver, "sub.example.com")).policy == "none"  # a name below it is there, so nobody asks
    hidden = NoNames({"_dmarc.example.com": {"TXT": ['"v=DMARC1; p=none; np=reject"']}, "sub.example.com": "TIMEOUT"})
    assert (await check(hidden, "sub.example.com")).result == "temperror"
    assert (await check(hidden, "sub.example.com", dkim=["example.com"])).result == "pass"


class NoNames(ZoneResolver):
    """Denies every ``_dmarc`` name that has no table of its own, whatever is above it."""

    async def lookup(self, name: str, type: str) -> Answer:
        answer = await super().lookup(name, type)
        if name.startswith("_dmarc.sub"):
            return Answer(answer.name, type, Status.NXDOMAIN)
        return answer


@pytest.mark.parametrize(
    ("tags", "published", "policy"),
    [
        ("p=reject; t=y", "reject", "quarantine"),
        ("p=quarantine; t=y", "quarantine", "none"),
        ("p=none; t=y", "none", "none"),
        ("p=reject; t=n", "reject", "reject"),
        ("p=reject; t=yes", "reject", "reject"),
        ("p=reject; pct=0", "reject", "reject"),
    ],
)
async def test_an_owner_who_is_testing_asks_for_one_level_less(tags: str, published: str, policy: str) -> None:
    """RFC 9989 §4.7, tag t. What is published stays visible; ``policy`` is what others may act upon as it stands."""
    resolver = zones({"example.com": f"v=DMARC1; {tags}"})
    found = await check(resolver, "example.com")
    assert (found.result, found.published, found.policy, found.disposition) == ("fail", published, policy, policy)
    assert found.is_testing is tags.endswith("t=y")
    passed = await check(resolver, "example.com", spf="example.com")
    assert (passed.published, passed.policy, passed.disposition) == (published, policy, "none")


# ---- what authenticates


@pytest.mark.parametrize("result", ["fail", "softfail", "neutral", "none", "permerror", "policy"])
async def test_only_a_pass_counts(result: str) -> None:
    resolver = zones({"example.com": REJECT})
    found = await check(resolver, "example.com", Found("example.com", result), [Found("example.com", result)])
    assert found.result == "fail"


async def test_one_good_signature_is_enough() -> None:
    resolver = zones({"example.com": REJECT})
    words = ("fail", "pass", "permerror", "pass")
    domains = ("example.com", "example.net", "example.com", "example.com")
    signatures = [Found(domain, word) for domain, word in zip(domains, words, strict=True)]
    assert (await check(resolver, "example.com", dkim=signatures)).aligned == ("dkim",)


async def test_nobody_asks_about_strangers() -> None:
    """A domain outside of the author's organization cannot belong to it, so its owner need not be asked."""
    resolver = zones({"example.com": REJECT, "evil.test": "v=DMARC1; p=none"})
    found = await check(resolver, "example.com", spf="a.evil.test", dkim=["b.evil.test", "notexample.com", "com", ""])
    assert found.result == "fail"
    assert asked(resolver) == ["example.com", "com"]


async def test_questions_are_bounded() -> None:
    """Whoever signs for a hundred domains has us look for a few; an exact match is found all the same."""
    resolver = zones({"example.com": REJECT, **{f"s{n}.example.com": "v=DMARC1; p=none; psd=n" for n in range(99)}})
    signers = [f"s{n}.example.com" for n in range(99)]
    assert (await check(resolver, "example.com", dkim=signers)).result == "fail"
    assert len(asked(resolver)) == 2 + WALK_LIMIT
    assert (await check(resolver, "example.com", dkim=[*signers, "example.com"])).result == "pass"


# ---- DNS that does not answer


async def test_without_a_policy_nothing_is_concluded() -> None:
    for failing in ("mail.example.com", "example.com"):
        resolver = zones({"example.com": REJECT, failing: "SERVFAIL"})
        found = await check(resolver, "mail.example.com", dkim=["mail.example.com"])
        assert (found.result, found.policy, found.disposition) == ("temperror", "none", "none")


async def test_a_failure_above_matters_only_to_what_needs_it() -> None:
    """The author's own record is known; whether a relative is one is not (RFC 9989 §5.3.6)."""
    resolver = zones({"example.com": REJECT, "com": "TIMEOUT"})
    assert (await check(resolver, "example.com", dkim=["example.com"])).result == "pass"
    assert (await check(resolver, "example.com", dkim=["mail.example.com"])).result == "temperror"
    assert (await check(resolver, "example.com", dkim=["example.net"])).result == "fail"
    found = await check(resolver, "example.com")
    assert (found.result, found.disposition, found.organizational_domain) == ("fail", "reject", "")


async def test_a_failure_for_a_relative_is_one_of_ours() -> None:
    resolver = zones({"example.com": REJECT, "mail.example.com": "TIMEOUT"})
    assert (await check(resolver, "example.com", dkim=["mail.example.com"])).result == "temperror"
    assert (await check(resolver, "example.com", spf="b.example.com", dkim=["mail.example.com"])).result == "pass"
    strict = zones({"example.com": "v=DMARC1; p=reject; adkim=s", "mail.example.com": "TIMEOUT"})
    assert (await check(strict, "example.com", dkim=["mail.example.com"])).result == "fail"


async def test_a_strangers_failure_is_not_ours() -> None:
    """Or anyone could keep a policy from being applied by a signature whose key never answers."""
    resolver = zones({"example.com": REJECT})
    for stranger in ("evil.test", "com", "notexample.com"):
        late = Found(stranger, "temperror")
        assert (await check(resolver, "example.com", late, [late])).result == "fail"
    late = Found("mail.example.com", "temperror")
    assert (await check(resolver, "example.com", late)).result == "temperror"
    assert (await check(resolver, "example.com", late, ["example.com"])).result == "pass"


async def test_dnssec_vouches_for_all_of_it_or_not() -> None:
    tables: dict[str, Table | str] = {"_dmarc.example.com": {"TXT": [f'"{REJECT}"']}}
    for secure, expected in ((True, True), (False, False), ({"example.com"}, False)):
        found = await check(ZoneResolver(tables, secure=secure), "example.com")
        assert found.is_secure is expected


# ---- several authors


async def test_every_domain_of_an_author_must_pass() -> None:
    """RFC 9989 §11.5: the strictest policy of those that fail."""
    resolver = zones({
        "a.test": "v=DMARC1; p=quarantine",
        "b.test": REJECT,
        "late.test": "TIMEOUT",
    })  # fmt: skip

    async def judge(domains: str, *passing: str) -> str:
        header = ("From: " + ", ".join(f"x@{domain}" for domain in domains.split()) + "\r\n").encode()
        found = await dmarc.evaluate_author(find_author(header), None, [Found(d) for d in passing], resolver)
        return f"{found.result} {found.disposition}"

    assert await judge("a.test", "a.test") == "pass none"
    assert await judge("a.test b.test", "a.test", "b.test") == "pass none"
    assert await judge("a.test b.test", "a.test") == "fail reject"
    assert await judge("a.test b.test") == "fail reject"
    assert await judge("b.test none.test", "b.test") == "none none"
    assert await judge("a.test late.test", "a.test") == "temperror none"
    assert await judge("late.test a.test") == "fail quarantine"
    assert await judge("a.test b.test c.test d.test e.test", "a.test", "b.test") == "fail none"
    assert (await dmarc.evaluate_author(find_author(b""), None, [], resolver)).reason == "no From field"


@pytest.mark.parametrize(
    ("field", "passing", "result"),
    [
        ("x@evil.test <x@b.test>", "evil.test", "fail reject"),
        ("x@evil.test\r\nFrom: x@b.test", "evil.test", "fail reject"),
        ("x@b.test\r\nFrom: x@b.test", "b.test", "none none"),
        ("<x@b.test", "b.test", "none none"),
        ("<x@none.test", "", "none none"),
        ("<x@late.test", "", "temperror none"),
        ("@1.test @2.test @3.test @4.test @b.test", "", "fail none"),
    ],
)
async def test_who_is_no_author_fails_and_never_passes(field: str, passing: str, result: str) -> None:
    """A From field that no strict reader can read must not get around the policy of whom a careless one shows."""
    resolver = zones({"b.test": REJECT, "late.test": "TIMEOUT"})
    author = find_author(f"From: {field}\r\n".encode())
    assert not author.domains
    found = await dmarc.evaluate_author(author, None, [Found(one) for one in passing.split()], resolver)
    assert f"{found.result} {found.disposition}" == result


# ---- another implementation


@settings(max_examples=60)
@given(
    st.sampled_from(["none", "quarantine", "reject"]),
    st.sampled_from(["", "; sp=none", "; sp=reject"]),
    st.sampled_from(["r", "s"]),
    st.sampled_from(["r", "s"]),
    st.booleans(),
    st.sampled_from(["example.com", "mail.example.com"]),
    st.sampled_from(["example.com", "mail.example.com", "b.example.com", "example.net"]),
    st.sampled_from(["pass", "fail", "softfail"]),
    st.sampled_from(["example.com", "mail.example.com", "b.example.com", "example.net"]),
    st.sampled_from(["pass", "fail"]),
)
async def test_the_package_dmarc_concludes_the_same(
    p: str,
    sp: str,
    adkim: str,
    aspf: str,
    testing: bool,
    author: str,
    spf: str,
    spf_word: str,
    dkim: str,
    dkim_word: str,
) -> None:
    """It takes the record and the organization from outside; the conclusion is its own."""
    import dmarc as other

    text = f"v=DMARC1; p={p}{sp}; adkim={adkim}; aspf={aspf}" + ("; t=y" if testing else "")
    ours = await check(zones({"example.com": text}), author, Found(spf, spf_word), [Found(dkim, dkim_word)])
    organization = "example.com" if author != "example.com" else None
    judge = other.DMARC(publicsuffix=Registered())
    theirs = judge.get_result(
        judge.parse_record(text, author, organization),
        spf=other.SPF(spf, other.SPFResult(spf_word)),
        dkim=other.DKIM(dkim, other.DKIMResult(dkim_word)),
        allow_policy_test_mode=True,
    )
    assert ours.result == theirs.result.value
    assert ours.disposition == theirs.disposition.value


class Registered:
    """What that package asks for the organization."""

    def get_public_suffix(self, domain: str) -> str:
        return ".".join(domain.split(".")[-2:])
