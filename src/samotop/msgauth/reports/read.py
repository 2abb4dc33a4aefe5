"""Aggregate reports out of XML: of RFC 9990, of RFC 7489, and of those who kept to neither.

``parse_report`` takes a document whole, as ``unpack`` gives it. Elements are
known by name and place, with a namespace or without; those of another
namespace are extensions and are passed over. What is missing gets a default
and is told in ``problems``; what is no report at all raises.

A report comes from anybody who can write mail. A document type, so any entity
of its own, is refused before it is read; depth, elements, attributes, rows
and text have limits; nothing is fetched. Memory is a small multiple of the
document, and time is linear in it.

Raises ``ReportSyntaxError``, whose text has nothing of the document in it.
"""

from __future__ import annotations

from typing import Final
from xml.parsers import expat

from samotop.msgauth.reports.values import (
    AggregateReport,
    DkimOutcome,
    Evaluated,
    Metadata,
    Override,
    PublishedPolicy,
    ReportRow,
    SpfOutcome,
)

XML_LIMIT: Final = 16 * 1024 * 1024
"""Octets of a document: some twenty-five thousand rows; the largest operators stay below a tenth of it."""
DEPTH_LIMIT: Final = 16
"""Elements within elements: a report has six."""
ELEMENT_LIMIT: Final = 1_000_000
"""Elements of a document."""
ATTRIBUTE_LIMIT: Final = 16
"""Attributes of an element: a report has one."""
TEXT_LIMIT: Final = 4096
"""Characters of an element's own text."""
ROW_LIMIT: Final = 50_000
"""Rows of a report."""
CHILD_LIMIT: Final = 1000
"""Elements right within one that is not the report itself: a hundred signatures and some (RFC 9990 §3.1.3)."""
PROBLEM_LIMIT: Final = 20
"""Problems that are told: after some of them the report is just bad."""
NUMBER_LIMIT: Final = 1 << 53
"""Counts and times beyond this are none: other programs could not keep them exact."""

_SPACES: Final = " \t\r\n"


class ReportSyntaxError(ValueError):
    """This is no aggregate report, or one that is dangerous to read."""


class _Element:
    """An element while it is read. Text with elements beside it is not kept."""

    __slots__ = ("children", "name", "size", "texts")

    def __init__(self, name: str) -> None:
        self.name = name
        self.children: list[_Element] = []
        self.texts: list[str] = []
        self.size = 0

    @property
    def text(self) -> str:
        return "".join(self.texts).strip(_SPACES)

    def find(self, name: str) -> _Element | None:
        return next((child for child in self.children if child.name == name), None)

    def find_all(self, name: str) -> list[_Element]:
        return [child for child in self.children if child.name == name]

    def get(self, name: str) -> str:
        found = self.find(name)
        return "" if found is None else found.text

    def get_word(self, name: str) -> str:
        return self.get(name).lower()


def parse_report(octets: bytes) -> AggregateReport:
    """Read one document. Raises ``ReportSyntaxError``."""
    if len(octets) > XML_LIMIT:
        raise ReportSyntaxError(f"the document is larger than {XML_LIMIT} octets")
    return _Reader().read(octets)


class _Reader:
    """Builds elements from the parser's events, and turns each row into its value as soon as it ends."""

    def __init__(self) -> None:
        self._stack: list[_Element] = []
        self._passing = 0  # depth within an element of somebody else's namespace
        self._count = 0
        self._prefix = ""
        self._namespace: str | None = None
        self._sections: dict[str, _Element] = {}
        self._rows: list[ReportRow] = []
        self.problems: list[str] = []

    def read(self, octets: bytes) -> AggregateReport:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.StartDoctypeDeclHandler = _refuse
        parser.EntityDeclHandler = _refuse
        parser.ExternalEntityRefHandler = _refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        try:
            parser.Parse(octets.lstrip(b"\xef\xbb\xbf \t\r\n"), True)
        except expat.ExpatError as error:
            raise ReportSyntaxError(f"no XML: {expat.ErrorString(error.code)}, line {error.lineno}") from None
        except (ValueError, LookupError) as error:  # an encoding that does not exist, or is no text encoding
            if isinstance(error, ReportSyntaxError):
                raise
            raise ReportSyntaxError("no XML: an encoding that is not known") from None
        return self._finish()

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > ELEMENT_LIMIT:
            raise ReportSyntaxError(f"more than {ELEMENT_LIMIT} elements")
        if len(attributes) > ATTRIBUTE_LIMIT:
            raise ReportSyntaxError(f"an element with more than {ATTRIBUTE_LIMIT} attributes")
        if len(self._stack) + self._passing >= DEPTH_LIMIT:
            raise ReportSyntaxError(f"elements are nested deeper than {DEPTH_LIMIT}")
        prefix, _, local = name.rpartition(":")
        if not self._stack and not self._passing:
            if local != "feedback":
                raise ReportSyntaxError("the root element is not feedback")
            self._prefix, self._namespace = prefix, attributes.get("xmlns")
        if self._passing or prefix != self._prefix or attributes.get("xmlns", self._namespace) != self._namespace:
            self._passing += 1
            return
        element = _Element(local)
        if len(self._stack) > 1:
            parent = self._stack[-1]
            if len(parent.children) >= CHILD_LIMIT:
                raise ReportSyntaxError(f"an element with more than {CHILD_LIMIT} others in it")
            parent.children.append(element)
        self._stack.append(element)

    def _text(self, text: str) -> None:
        if self._passing or not self._stack:
            return
        element = self._stack[-1]
        if not element.texts:
            text = text.lstrip(_SPACES)
        element.size += len(text)
        if element.size > TEXT_LIMIT:
            raise ReportSyntaxError(f"an element with more than {TEXT_LIMIT} characters")
        if text:
            element.texts.append(text)

    def _end(self, name: str) -> None:
        if self._passing:
            self._passing -= 1
            return
        element = self._stack.pop()
        if len(self._stack) != 1:
            return
        if element.name == "record":
            if len(self._rows) >= ROW_LIMIT:
                raise ReportSyntaxError(f"more than {ROW_LIMIT} rows")
            self._rows.append(self._read_row(element))
        elif element.name in self._sections:
            self._note(f"{element.name} stands twice")
        elif element.name in ("version", "report_metadata", "policy_published"):
            self._sections[element.name] = element

    def _finish(self) -> AggregateReport:
        for name in ("report_metadata", "policy_published"):
            if name not in self._sections:
                raise ReportSyntaxError(f"{name} is missing")
        if not self._rows:
            self._note("there is no record")
        version = self._sections.get("version", _Element("version")).text
        metadata = self._read_metadata(self._sections["report_metadata"])
        policy = self._read_policy(self._sections["policy_published"])
        return AggregateReport(metadata, policy, tuple(self._rows), version, tuple(self.problems))

    def _read_metadata(self, element: _Element) -> Metadata:
        dates = element.find("date_range") or _Element("date_range")
        for name in ("org_name", "email", "report_id"):
            if not element.get(name):
                self._note(f"{name} is missing")
        return Metadata(
            element.get("org_name"),
            element.get("email"),
            element.get("report_id"),
            self._read_number(dates, "begin"),
            self._read_number(dates, "end"),
            element.get("extra_contact_info"),
            tuple(error.text for error in element.find_all("error")),
            element.get("generator"),
        )

    def _read_policy(self, element: _Element) -> PublishedPolicy:
        domain = element.get_word("domain")
        if not domain:
            self._note("the policy's domain is missing")
        pct = self._read_number(element, "pct") if element.find("pct") is not None else None
        return PublishedPolicy(
            domain,
            element.get_word("p") or "none",
            element.get_word("sp"),
            element.get_word("np"),
            element.get_word("adkim") or "r",
            element.get_word("aspf") or "r",
            element.get_word("fo"),
            element.get_word("testing") or "n",
            element.get_word("discovery_method"),
            pct,
        )

    def _read_row(self, record: _Element) -> ReportRow:
        row = record.find("row") or _Element("row")
        judged = row.find("policy_evaluated") or _Element("policy_evaluated")
        who = record.find("identifiers") or record.find("identities") or _Element("identifiers")
        found = record.find("auth_results") or _Element("auth_results")
        for element, name in ((row, "source_ip"), (judged, "disposition"), (who, "header_from")):
            if not element.get(name):
                self._note(f"{name} is missing in a record")
        envelope_from = who.find("envelope_from")
        evaluated = Evaluated(
            row.get("source_ip"),
            who.get_word("header_from"),
            judged.get_word("disposition") or "none",
            judged.get_word("dkim") == "pass",
            judged.get_word("spf") == "pass",
            None if envelope_from is None else envelope_from.text.lower(),
            who.get_word("envelope_to"),
            tuple(Override(why.get_word("type"), why.get("comment")) for why in judged.find_all("reason")),
            tuple(map(_read_dkim, found.find_all("dkim"))),
            tuple(map(_read_spf, found.find_all("spf"))),
        )
        return ReportRow(self._read_number(row, "count"), evaluated)

    def _read_number(self, element: _Element, name: str) -> int:
        """A number that is not negative; 0 and a problem for anything else. Some write times with a fraction."""
        text = element.get(name).partition(".")[0]
        if text.isascii() and text.isdigit() and len(text) <= 16 and int(text) < NUMBER_LIMIT:
            return int(text)
        self._note(f"{name} is missing or no number")
        return 0

    def _note(self, problem: str) -> None:
        if len(self.problems) < PROBLEM_LIMIT and problem not in self.problems:
            self.problems.append(problem)


def _read_dkim(found: _Element) -> DkimOutcome:
    return DkimOutcome(
        found.get_word("domain"), found.get("selector"), found.get_word("result"), found.get("human_result")
    )


def _read_spf(found: _Element) -> SpfOutcome:
    scope = found.get_word("scope") or "mfrom"
    return SpfOutcome(found.get_word("domain"), found.get_word("result"), scope, found.get("human_result"))


def _refuse(*_: object) -> int:
    raise ReportSyntaxError("a document type or an entity is declared")
