"""Entries survive the way through a row; rows that are none are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samotop.address import NULL_PATH, Address
from samotop.envelope import Body, DeliverBy, Envelope, MailParameters, Notify, Recipient, Ret
from samotop.queue.entry import Entry, Pending, Protection, State, Trace
from samotop.store.records import (
    STATE_NUMBERS,
    STATES,
    TEXT_LIMIT,
    decode_entry,
    encode_pending,
    encode_record,
    fresh_pending,
    printable,
)

TEXTS = st.text(max_size=20)
ADDRESSES = st.builds(Address, TEXTS, TEXTS)
NOTIFY = st.one_of(st.none(), st.sampled_from([Notify.NEVER, Notify.SUCCESS, Notify.FAILURE | Notify.DELAY]))
RECIPIENTS = st.builds(Recipient, ADDRESSES, NOTIFY, st.one_of(st.none(), TEXTS))
PARAMETERS = st.builds(
    MailParameters,
    st.integers(0, 1 << 40),
    st.sampled_from(Body),
    st.booleans(),
    st.one_of(st.none(), st.sampled_from(Ret)),
    st.one_of(st.none(), TEXTS),
    st.booleans(),
    st.one_of(st.none(), TEXTS),
)
ENVELOPES = st.builds(
    Envelope, st.one_of(st.just(NULL_PATH), ADDRESSES), st.lists(RECIPIENTS, max_size=3).map(tuple), PARAMETERS
)
TRACES = st.builds(Trace, TEXTS, TEXTS, TEXTS, st.floats(0, 1e11), TEXTS, TEXTS, TEXTS, TEXTS)
PENDING = st.lists(st.builds(Pending, RECIPIENTS, st.integers(0, 100), TEXTS), min_size=1, max_size=3).map(tuple)
ENVELOPE = Envelope(NULL_PATH, (Recipient(Address("bob", "example.net")),))
TRACE = Trace("mx.example.org", "192.0.2.1", "ESMTP", 1.7e9)


@given(ENVELOPES, TRACES, st.one_of(st.none(), PENDING), st.sampled_from(State))
def test_an_entry_survives_its_row(
    envelope: Envelope, trace: Trace, pending: tuple[Pending, ...] | None, state: State
) -> None:
    """Whatever the session said must be there after a restart."""
    waiting = fresh_pending(envelope) if pending is None else pending
    entry = Entry("0" * 20, envelope, waiting, trace, 7, state, 1.5, "why")
    encoded = None if pending is None else encode_pending(pending)
    row = (entry.id, encode_record(envelope, trace), encoded, 7, STATE_NUMBERS[state], 1.5, "why")
    assert decode_entry(row) == entry


# What encode_record made of ENVELOPE and TRACE before a trace had results: a row that waits on a disk somewhere.
OLD_RECORD = bytes.fromhex(
    "9501c09194a3626f62ab6578616d706c652e6e6574c0c0c097ae6d782e6578616d706c652e6f7267a93139322e302e322e31a545534d5450"
    "cb41d954fc40000000a0a0a0"
)


def test_a_row_from_before_there_were_results_is_read() -> None:
    """An update must not lose what is in the queue; and as long as there are none, nor must going back."""
    entry = decode_entry(("x", OLD_RECORD, None, 7, 0, 0.0, ""))
    assert (entry.envelope, entry.trace) == (ENVELOPE, TRACE)
    assert entry.trace.results == ""
    assert encode_record(ENVELOPE, TRACE) == OLD_RECORD


def test_the_numbers_of_states_stay_what_they_are_on_disk() -> None:
    assert [state.value for state in STATES] == ["queued", "held", "damaged"]


@given(st.binary(max_size=40))
def test_octets_that_are_no_record_are_refused(octets: bytes) -> None:
    """One damaged row must not stop the queue, so that only one error is to be expected."""
    try:
        decode_entry(("x", octets, None, 0, 0, 0.0, ""))
    except ValueError as error:
        assert "entry x" in str(error)


@pytest.mark.parametrize("state", [3, -4])
def test_a_state_of_a_later_version_is_refused(state: int) -> None:
    with pytest.raises(ValueError, match="entry x"):
        decode_entry(("x", encode_record(ENVELOPE, TRACE), None, 0, state, 0.0, ""))


def test_a_record_of_a_later_version_is_refused() -> None:
    record = encode_record(ENVELOPE, TRACE)
    assert record[1] == 1
    with pytest.raises(ValueError, match="entry x"):
        decode_entry(("x", record[:1] + b"\x02" + record[2:], None, 0, 0, 0.0, ""))


def test_half_characters_in_a_peers_words_can_be_written_down() -> None:
    """A reply in Latin-1, read with surrogates, must not keep an outcome from being stored."""
    waiting = (Pending(ENVELOPE.recipients[0], 1, "550 \udce4hm"),)
    encode_pending(waiting)
    encode_record(ENVELOPE, Trace("\udcff", "", "SMTP", 0.0))
    assert printable("\udce4hm") == "?hm"
    assert printable("ähm") == "ähm"


def test_times_of_single_recipients_and_of_senders_come_back() -> None:
    """Each recipient has a time of its own; DELIVERBY and FUTURERELEASE are kept. Rows without them read as before."""
    parameters = MailParameters(deliver_by=DeliverBy(90, False, True), hold_for=60)
    recipient = Recipient(Address("bob", "example.org"))
    envelope = Envelope(NULL_PATH, (recipient,), parameters)
    trace = Trace("a", "192.0.2.1", "ESMTP", 5.0)
    seen = Protection("example.org", "mx.example.org", "dane", "DANE", "its records", "encrypted")
    pending = (
        Pending(recipient, 2, "4.0.0 busy", 99.5, True),
        Pending(recipient, 1, "4.0.0 full"),
        Pending(recipient, 1, "4.7.5 no", protection=seen),
    )
    row = ("A" * 20, encode_record(envelope, trace), encode_pending(pending), 10, 0, 50.0, "")
    entry = decode_entry(row)
    assert entry.envelope == envelope
    assert entry.pending == pending


def test_what_is_kept_of_an_attempts_tls_is_bounded() -> None:
    """Names of hosts are a stranger's, and a row is written at each attempt."""
    recipient = ENVELOPE.recipients[0]
    waiting = (Pending(recipient, 1, "", protection=Protection("x" * 9000, "y" * 9000, why="\udce4" * 9000)),)
    octets = encode_pending(waiting)
    assert len(octets) < 4 * TEXT_LIMIT
    (found,) = decode_entry(("x", encode_record(ENVELOPE, TRACE), octets, 7, 0, 0.0, "")).pending
    assert found.protection is not None and found.protection.hop == "x" * TEXT_LIMIT
