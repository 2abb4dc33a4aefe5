"""The MIME structure of Apache James mime4j's test messages, as mime4j itself sees it.

Each ``.msg`` has its parts, their fields and where their decoded bodies lie in
a ``_decoded.xml``. What our reader sees is put into the same shape and
compared; where it sees something else, ``DIFFERENCES`` says what and why.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from samotop.message import Entity, Message

DIFFERENCES = {
    "malformedHeader-noheader": (
        "mime4j drops both lines, which are no fields. Nothing allows to lose text; the message itself says that "
        "the whole of it should be recognised as body, and so it is."
    ),
    "malformedHeaderStartsBody-noheader": (
        "As above; told to begin the body at the first line that is no field, mime4j still drops that of a second line."
    ),
    "malformedHeaderStartsBody-nocrlfcrlf": (
        "mime4j is told here to begin the body at the first line that is no field. RFC 5322 §2.1 ends the header "
        "with a blank line, and so do we; malformedHeader-nocrlfcrlf has the same octets read that way."
    ),
}
"""Messages that we read otherwise, and the reason."""

NAMES = [
    "bad-newlines-multiple-parts",
    "bad-newlines-multiple-parts-base64",
    "base64-encoded-text",
    "base64encoded-rfc822message",
    "base64encoded-rfc822message-nested",
    "basic-plain",
    "basic-plain-very-long-lines",
    "basic-plain-with-bad-header-separator",
    "boundary-name-clash",
    "ending-boundaries",
    "example",
    "intermediate-boundaries",
    "malformedHeader-nocrlfcrlf",
    "malformedHeader-noheader",
    "malformedHeaderStartsBody-nocrlfcrlf",
    "malformedHeaderStartsBody-noheader",
    "misplaced-boundary",
    "missing-boundary",
    "missing-inner-boundary",
    "missing-inner-start-boundary",
    "multipartdigestnestedemptyparts",
    "multipartemptypart",
    "multipartnestedemptyparts",
    "multipartnestedemptypartsnorfc822",
    "multipartnopart",
    "obsolete",
    "qp-body",
    "russian-headers",
    "simple-attachment",
    "very-long-boundary",
    "very-very-long-boundary",
    "weird-boundary",
]


@pytest.fixture
def folder(suites: Path) -> Path:
    found = suites / "mime-mime4j"
    if not found.is_dir():
        pytest.skip("suite absent")
    return found


def lines(octets: bytes) -> str:
    """Line ends are not what is compared: XML has but one kind."""
    return octets.decode("latin-1").replace("\r\n", "\n")


def expected(element: ElementTree.Element, folder: Path) -> Any:
    """What mime4j sees, from its XML."""
    header = [(field.text or "").strip("\n") for field in element.findall("header/field")]
    (body,) = [child for child in element if child.tag != "header"]
    if body.tag == "multipart":
        return (
            header,
            (body.findtext("preamble") or "").removeprefix("\n"),
            [expected(part, folder) for part in body.findall("body-part")],
            (body.findtext("epilogue") or "").removeprefix("\n"),
        )
    if body.tag == "message":
        return header, "message", expected(body, folder)
    return header, lines((folder / body.attrib["name"]).read_bytes())


def seen(entity: Entity) -> Any:
    """What we see, in the same shape."""
    header = [lines(field.raw).strip("\n") for field in entity.header if field.name]
    if entity.is_multipart:
        parts = [seen(part) for part in entity.parts]
        return header, lines(entity.preamble), parts, lines(entity.epilogue)
    if (inner := entity.message) is not None:
        return header, "message", seen(inner.entity)
    return header, lines(entity.decoded())


@pytest.mark.parametrize("name", NAMES)
def test_the_structure_is_what_mime4j_sees(name: str, folder: Path) -> None:
    octets = (folder / f"{name}.msg").read_bytes()
    wanted = expected(ElementTree.parse(folder / f"{name}_decoded.xml").getroot(), folder)
    found = seen(Message.parse(octets).entity)
    if name in DIFFERENCES:
        assert found != wanted, f"not a difference any more: {DIFFERENCES[name]}"
    else:
        assert found == wanted


def test_every_message_of_the_suite_is_tried(folder: Path) -> None:
    assert {path.stem for path in folder.glob("*.msg")} == set(NAMES)
    assert set(DIFFERENCES) <= set(NAMES)
