"""The trust anchor: what is shipped, and the file that may replace it."""

from __future__ import annotations

import pytest

from samotop.dns.dnssec.anchor import ROOT, ROOT_TEXT, TEXT_LIMIT, parse_anchor

# KSK-2024's public key, as the root zone has it.
KSK_2024 = (
    "AwEAAa96jeuknZlaeSrvyAJj6ZHv28hhOKkx3rLGXVaC6rXTsDc449/cidltpkyGwCJNnOAlFNKF2jBosZBU5eeHspaQWOmOElZsjICMQMC3"
    "aeHbGiShvZsx4wMYSjH8e7Vrhbu6irwCzVBApESjbUdpWWmEnhathWu1jo+siFUiRAAxm9qyJNg/wOZqqzL/dL/q8PkcRU5oUKEpUge71M3e"
    "j2/7CPqpdVwuMoTvoB+ZOT4YeGyxMvHmbrxlFzGOHOijtzN+u1TQNatX2XBuzZNQ1K+s2CXkPIZo7s6JgZyvaBevYtxPvYLw4z9mR7K2vaF1"
    "8UYH9Z9GNUUeayffKC73PYc="
)


def test_the_roots_keys_are_shipped() -> None:
    assert [record.key_tag for record in ROOT.records] == [20326, 38696]
    assert parse_anchor(ROOT_TEXT) == ROOT


def test_a_key_stands_for_its_digest() -> None:
    assert parse_anchor(f". 172800 IN DNSKEY 257 3 8 {KSK_2024} ; KSK-2024").records == ROOT.records[1:]


def test_a_record_may_span_lines_and_stand_twice() -> None:
    text = ROOT_TEXT + ". DS (38696 8 2\n 683D2D0ACB8C9B712A1948B27F741219 298D0A450D612C483AF444A4C0FB2B16 )\n"
    assert parse_anchor(text) == ROOT


def test_keys_that_a_keeper_does_not_trust_yet_are_left_out() -> None:
    """unbound's file of RFC 5011 has each key's state behind it; one that was just seen may be an attacker's."""
    key = f". 172800 IN DNSKEY 257 3 8 {KSK_2024}"
    for state in "23":
        assert parse_anchor(f"{key} ;;state={state} [  VALID  ] ;;count=0").records == ROOT.records[1:]
    for state in "0145":
        with pytest.raises(ValueError, match="no DS or DNSKEY record"):
            parse_anchor(f"{key} ;;state={state} [ ADDPEND ] ;;count=0")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "; nothing",
        "hello",
        "org. IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
        ". IN DS 20326 8 2 E06D",
        ". IN DS 20326 8 1 AB" + "00" * 19,
        ". IN DS 20326 5 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
        ". IN NS a.root-servers.net.",
        f". IN DNSKEY 385 3 8 {KSK_2024}",
        f". IN DNSKEY 1 3 8 {KSK_2024}",
        ". CH DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
        "$INCLUDE /etc/passwd",
        "\0",
        ";" * (TEXT_LIMIT + 1),
    ],
)
def test_what_is_no_anchor_is_refused(text: str) -> None:
    """An anchor that cannot be used must stop the start: without one everything would be bogus, or worse, nothing."""
    with pytest.raises(ValueError, match="trust anchor"):
        parse_anchor(text)
