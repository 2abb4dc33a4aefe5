from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scramp.utils import ScramException
from scramp.utils import saslprep as scramp_saslprep

from samotop.sasl.prepare import PrepareError, saslprep


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b", "a b"),
        ("", ""),
        ("\u00ad", ""),
    ],
)
def test_text_gets_the_prepared_form_of_the_rfc(text: str, prepared: str) -> None:
    """RFC 4013 §3 lists the first five."""
    assert saslprep(text) == prepared


@pytest.mark.parametrize("text", ["\u0007", "a\x00b", "\u06271", "\u0627a\u0627", "\ue000", "\u200ex", "\ud800é"])
def test_what_rfc_4013_prohibits_is_refused(text: str) -> None:
    """Controls, private use, surrogates, direction marks, and text that does not end in its own direction."""
    with pytest.raises(PrepareError):
        saslprep(text)


def test_a_new_character_may_be_asked_for_but_not_stored() -> None:
    """Unicode 3.2 knows no emoji: clients would not agree on its form, so it must not become a password."""
    assert saslprep("\U0001f600") == "\U0001f600"
    with pytest.raises(PrepareError):
        saslprep("\U0001f600", allow_unassigned=False)


def test_a_refusal_does_not_repeat_the_text() -> None:
    """It may be somebody's password, and errors are shown."""
    with pytest.raises(PrepareError) as caught:
        saslprep("hunter2\x07")
    assert "hunter2" not in str(caught.value)


@given(st.text(max_size=40))
def test_preparing_twice_changes_nothing(text: str) -> None:
    """A mechanism and the password check may both prepare."""
    try:
        once = saslprep(text)
    except PrepareError:
        return
    assert saslprep(once) == once


@given(st.text(max_size=40))
def test_another_implementation_agrees(text: str) -> None:
    """scramp prepares what will be stored in the same way."""
    try:
        expected = scramp_saslprep(text)
    except ScramException:
        with pytest.raises(PrepareError):
            saslprep(text, allow_unassigned=False)
    else:
        assert saslprep(text, allow_unassigned=False) == expected
