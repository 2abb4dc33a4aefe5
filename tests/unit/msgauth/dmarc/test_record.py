"""Policy records: what counts as one, what is ignored, and what older tags still say."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.msgauth.dmarc import Alignment, NoDmarcRecord, Policy, Psd, parse_record
from samotop.msgauth.dmarc.record import RECORD_LIMIT, TAG_LIMIT, URI_COUNT_LIMIT
from tests.fakes.effort import check_linear


def test_defaults_are_those_of_the_rfc() -> None:
    record = parse_record(b"v=DMARC1; p=reject")
    assert (record.p, record.sp, record.np) == (Policy.REJECT, None, None)
    assert (record.adkim, record.aspf) == (Alignment.RELAXED, Alignment.RELAXED)
    assert (record.psd, record.is_testing, record.fo) == (Psd.UNKNOWN, False, ("0",))
    assert (record.rua, record.ruf, record.pct, record.rf, record.ri, record.problems) == ((), (), None, (), None, ())


def test_every_tag_is_read() -> None:
    record = parse_record(
        b"v=DMARC1; p=none; sp=quarantine; np=reject; adkim=s; aspf=s; psd=y; t=y; "
        b"rua=mailto:a@example.org,mailto:b%2Ec@example.net!10m; ruf=https://example.org/x; fo=1:d:s"
    )
    assert (record.p, record.sp, record.np) == ("none", "quarantine", "reject")
    assert (record.adkim, record.aspf, record.psd, record.is_testing) == ("s", "s", "y", True)
    assert [(str(uri.address), uri.size_limit) for uri in record.rua] == [
        ("a@example.org", None),
        ("b.c@example.net", 10 << 20),
    ]
    assert record.ruf[0].scheme == "https" and record.ruf[0].address is None
    assert record.fo == ("1", "d", "s")


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"v=spf1 -all",
        b"v=dmarc1; p=reject",
        b"v=DMARC1x; p=reject",
        b"v=DMARC1 p=reject",
        b"v=DMARC2; p=reject",
        b"p=reject; v=DMARC1",
        b" v=DMARC1; p=reject",
        b"v=DMARC1; p=reject;".ljust(RECORD_LIMIT + 1),
    ],
)
def test_only_the_version_in_front_makes_a_record(octets: bytes) -> None:
    """RFC 9989 §4.7: the version is the first tag, in exactly that case, or all of it is ignored."""
    with pytest.raises(NoDmarcRecord):
        parse_record(octets)


@pytest.mark.parametrize(
    "octets",
    [
        b"v=DMARC1;p=reject",
        b"V = DMARC1 ; P = Reject ;",
        b"v=DMARC1; rua=mailto:a@b.org; x-unknown=1; p=reject",
        b"v=DMARC1; unknown=\xff\xfe; p=reject",
        b"v=DMARC1;; ;p=reject; ;",
        b"v=DMARC1; p=reject; p=none",
        b"v=DMARC1; nonsense; =; p=reject",
        b"v=DMARC1; t=maybe; adkim=x; aspf=; psd=q; fo=7; p=reject; ruf=mailto:a@b.org",
        b"v=DMARC1;\tp\t=\treject\t;",
    ],
)
def test_what_cannot_be_read_does_not_harm_the_rest(octets: bytes) -> None:
    """Unknown tags are ignored, and errors give way to defaults (RFC 9989 §4.8)."""
    record = parse_record(octets)
    assert record.p is Policy.REJECT and record.is_policy
    assert (record.is_testing, record.adkim, record.aspf, record.psd, record.fo) == (False, "r", "r", "u", ("0",))


@pytest.mark.parametrize(
    ("octets", "is_policy", "policy"),
    [
        (b"v=DMARC1", False, "none"),
        (b"v=DMARC1; adkim=s", False, "none"),
        (b"v=DMARC1; p=block", False, "none"),
        (b"v=DMARC1; p=reject; sp=block", False, "none"),
        (b"v=DMARC1; p=reject; np=", False, "none"),
        (b"v=DMARC1; p=reject; sp=\xff", False, "none"),
        (b"v=DMARC1; rua=mailto:a@example.org", True, "none"),
        (b"v=DMARC1; p=block; rua=mailto:a@example.org", True, "none"),
        (b"v=DMARC1; p=reject; sp=block; rua=mailto:a@example.org", True, "none"),
        (b"v=DMARC1; p=block; rua=a@example.org", False, "none"),
        (b"v=DMARC1; p=block; rua=mailto:", False, "none"),
        (b"v=DMARC1; p=quarantine", True, "quarantine"),
    ],
)
def test_without_a_readable_policy_only_a_wish_for_reports_counts(octets: bytes, is_policy: bool, policy: str) -> None:
    """RFC 9989 §4.10.1: as if it were p=none, if somebody is to get reports; else no DMARC at all."""
    record = parse_record(octets)
    assert record.is_policy is is_policy
    for is_subdomain in (False, True):
        assert record.choose_policy(is_subdomain=is_subdomain)[1] == policy


@pytest.mark.parametrize(
    ("tags", "is_subdomain", "exists", "chosen"),
    [
        (b"p=reject; sp=quarantine; np=none", False, True, ("p", "reject")),
        (b"p=reject; sp=quarantine; np=none", True, True, ("sp", "quarantine")),
        (b"p=reject; sp=quarantine; np=none", True, False, ("np", "none")),
        (b"p=reject; np=none", True, True, ("p", "reject")),
        (b"p=none; sp=quarantine", True, False, ("sp", "quarantine")),
        (b"p=none", True, False, ("p", "none")),
        (b"sp=reject; rua=mailto:a@example.org", True, True, ("sp", "reject")),
        (b"sp=reject; rua=mailto:a@example.org", False, True, ("p", "none")),
    ],
)
def test_the_tag_that_applies(tags: bytes, is_subdomain: bool, exists: bool, chosen: tuple[str, str]) -> None:
    """RFC 9989 §4.7: np for what does not exist, sp for what does, p without them; no p is p=none."""
    record = parse_record(b"v=DMARC1; " + tags)
    assert record.choose_policy(is_subdomain=is_subdomain, exists=exists) == chosen


def test_older_tags_are_told_and_change_nothing() -> None:
    """RFC 9989 has taken them out: pct=0 was the owner's way to say t=y, and is no more (Appendix A.6)."""
    record = parse_record(b"v=DMARC1; p=reject; pct=0; rf=afrf:iodef; ri=86400")
    assert (record.pct, record.rf, record.ri) == (0, ("afrf", "iodef"), 86400)
    assert record.choose_policy(is_subdomain=False) == ("p", Policy.REJECT)
    assert not record.is_testing
    strange = parse_record(b"v=DMARC1; p=reject; pct=101; ri=-1")
    assert (strange.pct, strange.ri, strange.is_policy) == (None, None, True)


def test_testing_lowers_a_policy_by_one() -> None:
    assert [policy.lowered for policy in Policy] == [Policy.NONE, Policy.NONE, Policy.QUARANTINE]


def test_report_uris_are_read_one_by_one() -> None:
    """One that is none does not take the others with it; a size of RFC 7489 is kept apart."""
    record = parse_record(
        b"v=DMARC1; p=none; rua=mailto:a@example.org!10m , b@example.org,, mailto:c@example.org?cc=x@y"
    )
    assert [(str(uri.address), uri.size_limit) for uri in record.rua] == [
        ("a@example.org", 10 << 20),
        ("c@example.org", None),
    ]
    assert len(record.problems) == 2


def test_options_for_failure_reports_need_someone_to_report_to() -> None:
    """RFC 9989 §4.7, tag fo."""
    assert parse_record(b"v=DMARC1; p=none; fo=1").fo == ("0",)
    assert parse_record(b"v=DMARC1; p=none; fo=1; ruf=mailto:a@example.org").fo == ("1",)
    assert parse_record(b"v=DMARC1; p=none; fo=0:1; ruf=mailto:a@example.org").fo == ("0",)


def test_the_bounds_hold() -> None:
    crowded = parse_record(b"v=DMARC1;" + b"x=y;" * TAG_LIMIT + b"p=reject")
    assert crowded.p is None
    many = parse_record(b"v=DMARC1; p=none; rua=" + b",".join([b"mailto:a@example.org"] * (URI_COUNT_LIMIT + 5)))
    assert len(many.rua) == URI_COUNT_LIMIT


@given(st.binary(max_size=80))
def test_nothing_but_its_own_exception_is_raised(rest: bytes) -> None:
    record = parse_record(b"v=DMARC1;" + rest)
    assert record.choose_policy(is_subdomain=True)[1] in Policy


policies = st.sampled_from(["none", "quarantine", "reject"])


@given(
    st.fixed_dictionaries(
        {"p": policies},
        optional={
            "sp": policies,
            "adkim": st.sampled_from("rs"),
            "aspf": st.sampled_from("rs"),
            "t": st.sampled_from("yn"),
            "ruf": st.just("mailto:a@example.org"),
            "fo": st.sampled_from(["0", "1"]),
            "pct": st.integers(0, 100).map(str),
            "unknown": st.just("7"),
        },
    ),
    st.randoms(use_true_random=False),
)
def test_the_package_dmarc_reads_the_same(tags: dict[str, str], random: Random) -> None:
    """Another implementation of RFC 9989, on generated records in any order."""
    import dmarc

    items = list(tags.items())
    random.shuffle(items)
    text = "v=DMARC1; " + "; ".join(f"{name}={value}" for name, value in items)
    ours, theirs = parse_record(text.encode()), dmarc.DMARC().parse_record(text, "example.org")
    assert ours.p == theirs.p.value
    assert (ours.sp and ours.sp.value) == theirs.sp.value
    assert (ours.adkim, ours.aspf) == (theirs.adkim.value, theirs.aspf.value)
    assert ours.is_testing == (theirs.t.value == "y")
    if "t" not in tags:
        assert (100 if ours.pct is None else ours.pct) == theirs.pct


@pytest.mark.parametrize(
    "piece", [b";", b"=", b" ", b"a=b;", b"p =", b"rua=mailto:a@b,;", b"rua=", b",", b"\xff;", b"\t=\t"]
)
def test_the_worst_record_takes_linear_time(piece: bytes) -> None:
    check_linear(
        lambda size: parse_record.__wrapped__(b"v=DMARC1;rua=" + (piece * size)[:size]), (RECORD_LIMIT - 100) // 4
    )
