"""Reports as they are written: by the schema, the same each time, and harmless whatever is in them."""

from __future__ import annotations

import gzip
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.msgauth.reports import (
    NAMESPACE,
    AggregateReport,
    DkimOutcome,
    Evaluated,
    Metadata,
    Override,
    PublishedPolicy,
    ReportRow,
    SpfOutcome,
    compress_report,
    format_filename,
    format_report,
    iterate_xml,
    parse_report,
)


def test_the_document_is_that_of_the_rfc(report: AggregateReport) -> None:
    """RFC 9990 §3.1.1, element by element; pct is gone, and nothing optional is there empty."""
    small = replace(
        report,
        metadata=Metadata("R", "r@reporter.example", "id1", 1, 2),
        policy=PublishedPolicy("example.com", "none", pct=50),
        rows=(
            ReportRow(
                3,
                Evaluated(
                    "192.0.2.1",
                    "example.com",
                    "none",
                    True,
                    False,
                    "",
                    dkim=(DkimOutcome("example.com", "s", "pass"),),
                    spf=(SpfOutcome("mx.example.com", "fail", "helo"), SpfOutcome("example.net", "none")),
                ),
            ),
        ),
    )
    assert format_report(small).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">\n'
        "  <version>1.0</version>\n"
        "  <report_metadata>\n"
        "    <org_name>R</org_name>\n"
        "    <email>r@reporter.example</email>\n"
        "    <report_id>id1</report_id>\n"
        "    <date_range>\n      <begin>1</begin>\n      <end>2</end>\n    </date_range>\n"
        "  </report_metadata>\n"
        "  <policy_published>\n"
        "    <domain>example.com</domain>\n"
        "    <discovery_method>treewalk</discovery_method>\n"
        "    <p>none</p>\n    <adkim>r</adkim>\n    <aspf>r</aspf>\n    <testing>n</testing>\n"
        "  </policy_published>\n"
        "  <record>\n"
        "    <row>\n      <source_ip>192.0.2.1</source_ip>\n      <count>3</count>\n"
        "      <policy_evaluated>\n"
        "        <disposition>none</disposition>\n        <dkim>pass</dkim>\n        <spf>fail</spf>\n"
        "      </policy_evaluated>\n"
        "    </row>\n"
        "    <identifiers>\n"
        "      <header_from>example.com</header_from>\n      <envelope_from></envelope_from>\n"
        "    </identifiers>\n"
        "    <auth_results>\n"
        "      <dkim>\n        <domain>example.com</domain>\n        <selector>s</selector>\n"
        "        <result>pass</result>\n      </dkim>\n"
        "      <spf>\n        <domain>example.net</domain>\n        <scope>mfrom</scope>\n"
        "        <result>none</result>\n      </spf>\n"
        "    </auth_results>\n"
        "  </record>\n"
        "</feedback>\n"
    )


def test_what_is_written_is_read_back(report: AggregateReport) -> None:
    assert parse_report(format_report(report)) == report
    assert parse_report(gzip.decompress(compress_report(report))) == report


def test_the_same_report_is_the_same_file(report: AggregateReport) -> None:
    """One that is sent again must be recognized (RFC 9990 §3.5.2); so there is no time of writing in it."""
    assert compress_report(report) == compress_report(replace(report))
    assert compress_report(report)[4:8] == b"\0\0\0\0"


def test_it_is_written_in_pieces(report: AggregateReport) -> None:
    """So that a large one need not be in memory."""
    large = replace(report, rows=report.rows * 500)
    pieces = list(iterate_xml(large))
    assert len(pieces) == 1002
    assert b"".join(pieces) == format_report(large)


def test_the_name_of_the_file(report: AggregateReport) -> None:
    """RFC 9990 §3.5.2, its example; the id is the same as in the report, where the grammar lets it."""
    plain = replace(report, metadata=Metadata("", "", "a@b", 1013662812, 1013749130))
    assert (
        format_filename(plain, "mail.receiver.example")
        == "mail.receiver.example!example.com!1013662812!1013749130.xml.gz"
    )
    named = replace(report, metadata=Metadata("", "", "a1", 1, 2))
    assert format_filename(named, "r.example", is_compressed=False) == "r.example!example.com!1!2!a1.xml"


def test_what_the_schema_has_no_room_for_is_refused(report: AggregateReport) -> None:
    for bad in (replace(report, rows=()), replace(report, version="<1")):
        with pytest.raises(ValueError):
            format_report(bad)


texts = st.text(max_size=20)
words = st.sampled_from(
    ["none", "pass", "fail", "softfail", "neutral", "policy", "temperror", "permerror", "strange", ""]
)
reports = st.builds(
    lambda text, word, count, p, envelope: AggregateReport(
        Metadata(text or "x", text, "id", 0, count, text, (text,), text),
        PublishedPolicy("example.com", p, p, "", "s", "r", "0", "n"),
        (
            ReportRow(
                count,
                Evaluated(
                    "192.0.2.1",
                    "example.com",
                    p,
                    count % 2 == 0,
                    count % 3 == 0,
                    envelope,
                    text,
                    (Override("other", text),),
                    (DkimOutcome(text, text, word, text),),
                    (SpfOutcome(text, word, "mfrom", text),),
                ),
            ),
        ),
    ),
    texts,
    words,
    st.integers(0, 1 << 40),
    st.sampled_from(["none", "quarantine", "reject"]),
    st.none() | texts,
)


@given(reports)
def test_any_text_is_well_formed(report: AggregateReport) -> None:
    """Selectors and domains of strangers' signatures go in here; a control character has no place in XML."""
    root = ElementTree.fromstring(format_report(report))
    assert root.tag == f"{{{NAMESPACE}}}feedback"
    assert parse_report(format_report(report)).rows[0].count == report.rows[0].count


# ---- the schema

XSD = "{http://www.w3.org/2001/XMLSchema}"


class Schema:
    """As much of XML Schema as the report's schema uses: all, sequence, enumerations, counts, any."""

    def __init__(self, path: Path) -> None:
        root = ElementTree.parse(path).getroot()
        self.types = {
            node.get("name") or "": node for node in root if node.tag in (XSD + "complexType", XSD + "simpleType")
        }
        self.root = next(node for node in root if node.tag == XSD + "element")

    def check(self, octets: bytes) -> None:
        found = ElementTree.fromstring(octets)
        assert found.tag == f"{{{NAMESPACE}}}{self.root.get('name')}"
        self._check_complex(found, self.root[0])

    def _check_element(self, found: ElementTree.Element, declared: ElementTree.Element) -> None:
        kind = declared.get("type") or ""
        if kind in self.types:
            node = self.types[kind]
            if node.tag == XSD + "simpleType":
                allowed = [value.get("value") for value in node.iter(XSD + "enumeration")]
                assert found.text in allowed, (found.tag, found.text)
            else:
                self._check_complex(found, node)
        else:
            assert len(found) == 0
            if kind == "xs:integer":
                int(found.text or "")
            elif kind == "xs:decimal":
                float(found.text or "")
            else:
                assert kind == "xs:string", kind

    def _check_complex(self, found: ElementTree.Element, node: ElementTree.Element) -> None:
        group = node[0]
        if group.tag == XSD + "simpleContent":
            assert len(found) == 0
            return
        declared = {child.get("name") or "": child for child in group if child.tag == XSD + "element"}
        names = [child.tag.removeprefix(f"{{{NAMESPACE}}}") for child in found]
        for name, count in Counter(names).items():
            most = declared[name].get("maxOccurs", "1")
            assert most == "unbounded" or count <= int(most), name
        for name, child in declared.items():
            assert child.get("minOccurs", "1") == "0" or name in names, name
        if group.tag == XSD + "sequence":
            assert names == sorted(names, key=list(declared).index)
        for child, name in zip(found, names, strict=True):
            self._check_element(child, declared[name])


def test_the_schema_check_finds_faults(suites: Path, report: AggregateReport) -> None:
    """Otherwise the next test proves nothing."""
    schema = Schema(suites / "dmarc-xsd" / "dmarc-xml-0.2.xsd")
    good = format_report(report)
    for old, new in (
        (b"<disposition>pass</disposition>", b"<disposition>accept</disposition>"),
        (b"<report_id>3v98abbp8ya9n3va8yr8oa3ya</report_id>", b""),
        (b"<count>123</count>", b"<count>many</count>"),
        (b"<p>quarantine</p>", b"<p>quarantine</p><pct>100</pct>"),
        (NAMESPACE.encode(), b"urn:other"),
    ):
        assert old in good
        with pytest.raises((AssertionError, KeyError, ValueError)):
            schema.check(good.replace(old, new))


def test_what_is_written_is_valid(suites: Path, report: AggregateReport) -> None:
    """The schema of RFC 9990 Appendix A."""
    Schema(suites / "dmarc-xsd" / "dmarc-xml-0.2.xsd").check(format_report(report))


def test_any_text_is_valid(suites: Path) -> None:
    schema = Schema(suites / "dmarc-xsd" / "dmarc-xml-0.2.xsd")

    @given(reports)
    def check(report: AggregateReport) -> None:
        schema.check(format_report(report))

    check()


def test_a_real_validator_agrees(
    suites: Path, needs: Callable[..., str], tmp_path: Path, report: AggregateReport
) -> None:
    xmllint = needs("xmllint", package="libxml2-utils")
    path = tmp_path / "report.xml"
    path.write_bytes(format_report(report))
    schema = suites / "dmarc-xsd" / "dmarc-xml-0.2.xsd"
    done = subprocess.run(
        [xmllint, "--noout", "--nonet", "--schema", str(schema), str(path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
