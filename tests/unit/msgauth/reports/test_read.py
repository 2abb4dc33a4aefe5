"""Reports as they arrive: by either RFC, by neither, or by somebody who wants us to fall over."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.msgauth.reports import (
    AggregateReport,
    DkimOutcome,
    Override,
    ReportSyntaxError,
    format_report,
    parse_report,
)
from samotop.msgauth.reports import read as reading

OLD = b"""<?xml version="1.0" encoding="UTF-8" ?>
<feedback>
  <report_metadata>
    <org_name>google.com</org_name>
    <email>noreply-dmarc-support@google.com</email>
    <extra_contact_info>https://support.google.com/a/answer/2466580</extra_contact_info>
    <report_id>13861231234</report_id>
    <date_range><begin>1700000000</begin><end>1700086399</end></date_range>
    <error>one</error><error>two</error>
  </report_metadata>
  <policy_published>
    <domain>Example.com</domain><adkim>r</adkim><aspf>s</aspf><p>reject</p><sp>none</sp><pct>50</pct><fo>1</fo>
  </policy_published>
  <record>
    <row>
      <source_ip>192.0.2.7</source_ip><count>2</count>
      <policy_evaluated>
        <disposition>none</disposition><dkim>fail</dkim><spf>pass</spf>
        <reason><type>forwarded</type><comment></comment></reason>
        <reason><type>sampled_out</type></reason>
      </policy_evaluated>
    </row>
    <identifiers><header_from>example.com</header_from></identifiers>
    <auth_results>
      <dkim><domain>example.com</domain><result>fail</result><human_result>bad &amp; old</human_result></dkim>
      <spf><domain>example.com</domain><result>pass</result></spf>
      <spf><domain>mx.example.com</domain><scope>helo</scope><result>hardfail</result></spf>
    </auth_results>
  </record>
</feedback>
"""


def test_a_report_of_the_older_rfc_is_read() -> None:
    """RFC 7489 Appendix C: no namespace, pct, several results of SPF, reasons that are no more."""
    report = parse_report(OLD)
    assert report.metadata.org_name == "google.com"
    assert (report.metadata.begin, report.metadata.end, report.metadata.errors) == (
        1700000000,
        1700086399,
        ("one", "two"),
    )
    policy = report.policy
    assert (policy.domain, policy.p, policy.sp, policy.aspf, policy.pct, policy.fo) == (
        "example.com", "reject", "none", "s", 50, "1",
    )  # fmt: skip
    [row] = report.rows
    found = row.evaluated
    assert (row.count, found.source_ip, found.disposition) == (2, "192.0.2.7", "none")
    assert (found.dkim_aligned, found.spf_aligned, found.envelope_from) == (False, True, None)
    assert found.overrides == (Override("forwarded"), Override("sampled_out"))
    assert found.dkim == (DkimOutcome("example.com", "", "fail", "bad & old"),)
    assert [(spf.domain, spf.scope, spf.result) for spf in found.spf] == [
        ("example.com", "mfrom", "pass"),
        ("mx.example.com", "helo", "hardfail"),
    ]
    assert report.problems == ()
    assert report.message_count == 2


def test_the_examples_of_the_working_group_are_read(suites: Path) -> None:
    for name in ("dmarc-xml-0.2.xml", "dmarc-xmlalt-0.2.xml"):
        report = parse_report((suites / "dmarc-xsd" / name).read_bytes())
        assert report.metadata.report_id == "3v98abbp8ya9n3va8yr8oa3ya"
        assert (report.policy.domain, report.policy.p, report.policy.sp) == ("example.com", "quarantine", "none")
        assert report.message_count == 123
        assert report.rows[0].evaluated.dkim[0].selector == "abc123"
        assert report.problems == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<feedback>", b'<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">'),
        (b"<feedback>", b'<feedback xmlns="http://dmarc.org/dmarc-xml/0.1" xmlns:xs="x">'),
        (b"<?xml", b"\xef\xbb\xbf\r\n <?xml"),
        (b"identifiers>", b"identities>"),
        (b"  <record>", b"<extension><x:record xmlns:x='y'><row/></x:record><a><b/></a></extension><record>"),
        (b"<row>", b"<x:row><x:source_ip>203.0.113.1</x:source_ip></x:row><row>"),
        (b"<row>", b"<row xmlns='urn:x'><source_ip>203.0.113.1</source_ip></row><row>"),
        (b"<count>2</count>", b"<count> 2\n</count>"),
        (b"<begin>1700000000</begin>", b"<begin>1700000000.25</begin>"),
        (b"<?xml", b"<!-- hello --><?x y?><?xml"[:27]),
    ],
)
def test_a_strange_dress_does_not_matter(old: bytes, new: bytes) -> None:
    if new.startswith(b"<!--"):
        old, new = b"<feedback>", b"<!-- hello --><?x y?><feedback>"
    assert old in OLD
    strange = parse_report(OLD.replace(old, new))
    assert strange.rows == parse_report(OLD).rows
    assert strange.metadata == parse_report(OLD).metadata


def test_a_namespace_may_have_a_prefix() -> None:
    octets = OLD.replace(b"</", b"</d:").replace(b"<", b"<d:").replace(b"<d:/d:", b"</d:").replace(b"<d:?", b"<?")
    octets = octets.replace(b"<d:feedback>", b'<d:feedback xmlns:d="urn:ietf:params:xml:ns:dmarc-2.0">')
    assert parse_report(octets) == parse_report(OLD)


@pytest.mark.parametrize(
    ("gone", "problem"),
    [
        (b"<report_id>13861231234</report_id>", "report_id"),
        (b"<begin>1700000000</begin>", "begin"),
        (b"<count>2</count>", "count"),
        (b"<source_ip>192.0.2.7</source_ip>", "source_ip"),
        (b"<header_from>example.com</header_from>", "header_from"),
        (b"<domain>Example.com</domain>", "domain"),
        (b"<disposition>none</disposition>", "disposition"),
    ],
)
def test_what_is_missing_is_told(gone: bytes, problem: str) -> None:
    assert gone in OLD
    report = parse_report(OLD.replace(gone, b""))
    assert any(problem in told for told in report.problems)


@pytest.mark.parametrize("number", [b"-1", b"many", b"1e9", b"9" * 30, "٣".encode(), b""])
def test_a_number_is_a_number(number: bytes) -> None:
    report = parse_report(OLD.replace(b"<count>2", b"<count>" + number))
    assert report.rows[0].count == 0 and report.problems


BOMB = b"""<?xml version="1.0"?><!DOCTYPE feedback [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;">]>
<feedback><report_metadata><org_name>&d;</org_name></report_metadata></feedback>"""


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", "no XML"),
        (b"not xml", "no XML"),
        (b"<html/>", "root element"),
        (b"<feedback>", "no XML"),
        (b"<feedback/>", "report_metadata is missing"),
        (OLD[:-20], "no XML"),
        (OLD + b"<more/>", "no XML"),
        (OLD.replace(b"google.com<", b"\x01<"), "no XML"),
        (OLD.replace(b"google.com<", b"\xff<"), "no XML"),
        (OLD.replace(b"UTF-8", b"no-such-code"), "encoding"),
        (OLD.replace(b"UTF-8", b"base64"), "XML"),
        (OLD.replace(b"google.com<", b"&undefined;<"), "XML"),
        (BOMB, "document type"),
        (b'<!DOCTYPE feedback SYSTEM "file:///etc/passwd"><feedback/>', "document type"),
        (b"<!DOCTYPE feedback><feedback/>", "document type"),
        (b"<feedback>" + b"<a>" * 20, "nested deeper"),
        (b"<feedback>" + b"<x:a>" * 20, "nested deeper"),
        (b"<feedback>" + b"<a>" * 1_000_000, "nested deeper"),
        (b"<feedback><report_metadata>" + b"<a/>" * (reading.CHILD_LIMIT + 1), "others in it"),
        pytest.param(
            b"<feedback>" + b"<a/>" * (reading.ELEMENT_LIMIT + 1), "elements", marks=pytest.mark.slow, id="elements"
        ),
        (b"<feedback><report_metadata><email>" + b"a" * (reading.TEXT_LIMIT + 1) + b"</email>", "characters"),
        (b"<feedback>" + b"<record/>" * (reading.ROW_LIMIT + 1), "rows"),
        (b"<feedback " + b" ".join(b"a%d='x'" % n for n in range(40)) + b">", "attributes"),
        (b"<feedback>".ljust(reading.XML_LIMIT + 1), "larger"),
    ],
    ids=lambda value: value[:24].decode("ascii", "replace") if isinstance(value, bytes) else value,
)
def test_hostile_documents_are_refused(octets: bytes, reason: str) -> None:
    with pytest.raises(ReportSyntaxError, match=reason):
        parse_report(octets)


def test_a_bomb_takes_no_memory() -> None:
    """It is refused where it declares itself, before anything is put in for anything."""
    tracemalloc.start()
    try:
        with pytest.raises(ReportSyntaxError):
            parse_report(BOMB)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_fault_quotes_nothing() -> None:
    for octets in (b"<secret/>", b"<feedback><secret", OLD.replace(b"google.com", b"<secret>")):
        with pytest.raises(ReportSyntaxError) as fault:
            parse_report(octets)
        assert "secret" not in str(fault.value)


def test_rows_take_memory_in_proportion(report: AggregateReport) -> None:
    """The elements of a row are gone once it has been read: four times the rows, four times the memory."""
    whole = format_report(report)
    head, _, rest = whole.partition(b"  <record>")
    records = b"  <record>" + rest.removesuffix(b"</feedback>\n")

    def measure(times: int) -> int:
        octets = head + records * times + b"</feedback>\n"
        tracemalloc.start()
        try:
            assert len(parse_report(octets).rows) == 2 * times
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert measure(400) < 6 * measure(100)


PIECES = [
    *b"<feedback> </feedback> <record> </record> <row> x <count> &#9; <report_metadata/> <policy_published/>".split(),
    *b"<![CDATA[a]]> <a/> </a> <!-- --> <? ?>".split(),
    b"<a xmlns='b'>",
]


@given(st.lists(st.sampled_from(PIECES), max_size=14))
def test_nothing_else_is_raised(pieces: list[bytes]) -> None:
    try:
        report = parse_report(b"<feedback><report_metadata/><policy_published/>" + b"".join(pieces) + b"</feedback>")
    except ReportSyntaxError:
        return
    assert report.problems
