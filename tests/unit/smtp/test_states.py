"""The tables of ``states`` are what the engine does, and docs/smtp.md shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from samotop.reply import Reply
from samotop.smtp import Auth, Data, Hello, Pause, Rules, ServerConnection, StartTls
from samotop.smtp.states import ALLOWED, KNOWN, LEAVES, Phase, leads_to
from tools.smtp_page import field_words, rewrite_page

CHECKOUT = Path(__file__).resolve().parent.parent.parent.parent
OK = Reply.of(250, "2.0.0", "Ok")
NO = Reply.of(452, "4.3.1", "No")

LINES = {
    b"HELO": b"HELO x\r\n",
    b"EHLO": b"EHLO x\r\n",
    b"LHLO": b"LHLO x\r\n",
    b"MAIL": b"MAIL FROM:<a@b>\r\n",
    b"RCPT": b"RCPT TO:<a@b>\r\n",
    b"BDAT": b"BDAT 3\r\n",
    b"VRFY": b"VRFY x\r\n",
    b"EXPN": b"EXPN x\r\n",
    b"AUTH": b"AUTH ECHO\r\n",
}
EHLO, MAIL, RCPT = LINES[b"EHLO"], LINES[b"MAIL"], LINES[b"RCPT"]
REACHED_BY = {
    Phase.START: b"",
    Phase.READY: EHLO,
    Phase.MAIL: EHLO + MAIL,
    Phase.RECIPIENTS: EHLO + MAIL + RCPT,
    Phase.CHUNKS: EHLO + MAIL + RCPT + b"BDAT 1\r\nx",
    Phase.SPOILED: EHLO + MAIL + RCPT + b"BDAT 2\r\nxx",
    Phase.DATA: EHLO + MAIL + RCPT + b"DATA\r\n",
    Phase.CHUNK: EHLO + MAIL + RCPT + b"BDAT 2\r\nx",
    Phase.AUTH: EHLO + LINES[b"AUTH"],
    Phase.HANDSHAKE: EHLO + b"STARTTLS\r\n",
}
LEFT_BY = {
    (Phase.DATA, "end of data"): b".\r\n",
    (Phase.CHUNK, "chunk refused"): b"x",
    (Phase.AUTH, "235 or refusal"): b"*\r\n",
}


def say(engine: ServerConnection, octets: bytes) -> Phase:
    """Say yes to everything, but no to a chunk of two octets."""
    engine.receive_data(octets)
    while not isinstance(event := engine.next_event(), Pause):
        if isinstance(event, Hello):
            engine.send(engine.hello_reply())
        elif isinstance(event, Data):
            engine.send(Reply.of(354, None, "Go"))
        elif isinstance(event, StartTls):
            engine.send(Reply.of(220, None, "Go"))
        elif isinstance(event, Auth):
            engine.challenge(b"")
        elif engine.is_waiting:
            engine.send(NO if getattr(event, "size", 0) == 2 else OK)
    return engine.phase


def at(phase: Phase, *, is_lmtp: bool = False) -> ServerConnection:
    engine = ServerConnection("mx", Rules(), is_lmtp=is_lmtp, offers_starttls=True, mechanisms=lambda _: ["ECHO"])
    engine.send(Reply.of(220, None, "mx"))
    assert say(engine, REACHED_BY[phase].replace(b"EHLO", b"LHLO" if is_lmtp else b"EHLO")) is phase
    engine.data_to_send()
    return engine


@pytest.mark.parametrize("verb", sorted(KNOWN), ids=lambda verb: verb.decode())
@pytest.mark.parametrize("phase", ALLOWED, ids=lambda phase: phase.name)
def test_every_verb_in_every_phase_leads_where_the_table_says(phase: Phase, verb: bytes) -> None:
    """And one that may not stand there gets 503 and leads nowhere."""
    engine = at(phase, is_lmtp=verb == b"LHLO")
    after = say(engine, LINES.get(verb, verb + b"\r\n"))
    if verb in ALLOWED[phase]:
        assert after is leads_to(phase, verb)
        assert not engine.data_to_send().startswith(b"503")
        return
    if verb == b"BDAT":  # its octets come first
        assert after is Phase.CHUNK
        after = say(engine, b"xxx")
    assert after is phase
    assert engine.data_to_send().startswith(b"503 5.5.1 ")


def test_phases_without_commands_are_left_as_the_table_says() -> None:
    for (phase, reason), octets in LEFT_BY.items():
        assert say(at(phase), octets) is LEAVES[phase][reason]
    engine = at(Phase.RECIPIENTS)
    assert say(engine, b"BDAT 1\r\nx") is LEAVES[Phase.CHUNK]["chunk taken"]
    assert say(engine, b"BDAT 0 LAST\r\n") is LEAVES[Phase.CHUNK]["LAST"]
    engine = at(Phase.HANDSHAKE)
    engine.tls_started()
    assert engine.phase is LEAVES[Phase.HANDSHAKE]["TLS is there"]
    assert {phase for phase in Phase if phase not in ALLOWED} == {*LEAVES, Phase.CLOSED}


def test_the_page_shows_what_the_code_says() -> None:
    """Else run tools/smtp_page.py --write."""
    text = (CHECKOUT / "docs" / "smtp.md").read_text(encoding="utf-8")
    assert text == rewrite_page(text)


def test_a_limit_without_words_is_a_fault() -> None:
    """A number without its reason cannot be judged by who has to set it."""
    with pytest.raises(ValueError, match="has no words"):
        list(field_words("class Rules:\n    a: int = 1\n"))


def test_a_page_without_its_markers_is_a_fault() -> None:
    with pytest.raises(ValueError, match="no place"):
        rewrite_page("# nothing\n")
