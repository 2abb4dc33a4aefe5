"""Fuzz target: every SASL mechanism, both sides, against whatever the other side sends.

Invariant. For any octets, in any number of messages:

* a server's side never raises; it never reports success unless it was told
  that the password is right, and under SCRAM, which is not told, never at all
  with a verifier that no password fits; its challenges are bounded; a name it
  asks about is bounded, not empty and holds no NUL;
* a client's side raises nothing but ``SaslError``, and SCRAM's never believes
  a server that has not proven itself;
* ``saslprep`` raises nothing but ``PrepareError``, and preparing twice changes nothing.

The first octet chooses the mechanism and the answers, the rest is cut into
messages at each 0xFE, an octet that UTF-8 does not have.

    python tests/fuzz/fuzz_sasl.py -max_total_time=60
"""

from __future__ import annotations

import sys
from typing import Final

from samotop.sasl import (
    RESPONSE_LIMIT,
    Challenge,
    ClientMechanism,
    ExternalClient,
    Failure,
    LoginClient,
    NeedPasswordCheck,
    NeedVerifier,
    OAuthBearerClient,
    PlainClient,
    PrepareError,
    SaslError,
    ScramClient,
    ServerMechanism,
    Step,
    Success,
    XOAuth2Client,
    decoy_verifier,
    plan_server,
    saslprep,
)
from samotop.sasl.mechanism import MECHANISMS, NAME_LIMIT

BINDING: Final = bytes(range(32))
DECOY: Final = decoy_verifier(b"fuzz", "nobody", 4096)
MESSAGES_LIMIT: Final = 8
PREPARED_GROWTH: Final = 18
"""How many times its length a text may have once it is normalized to NFKC."""


def check_one_input(octets: bytes) -> None:
    """Run one input; an ``AssertionError`` or any other exception is a find."""
    if not octets:
        return
    choice, messages = octets[0], octets[1:].split(b"\xfe")[:MESSAGES_LIMIT]
    check_server(MECHANISMS[choice % 4], messages, is_right=bool(choice & 4), has_binding=bool(choice & 8))
    check_clients(messages)
    for message in messages:
        check_prepared(message.decode(errors="surrogateescape"))


def check_server(mechanism: str, messages: list[bytes], *, is_right: bool, has_binding: bool) -> None:
    server = plan_server(mechanism, "nonce", BINDING if has_binding else None)
    if server is None:
        assert mechanism.endswith("-PLUS")
        return
    asked = False
    for message in messages:
        step = server.step(message)
        while isinstance(step, NeedPasswordCheck | NeedVerifier):
            assert 0 < len(step.name.encode()) <= NAME_LIMIT * PREPARED_GROWTH
            assert "\0" not in step.name
            asked = asked or isinstance(step, NeedPasswordCheck)
            step = answer(server, step, is_right=is_right)
        if isinstance(step, Success):
            assert asked
            assert is_right
        if not isinstance(step, Challenge):
            assert isinstance(step, Success | Failure)
            return
        assert len(step.octets) <= RESPONSE_LIMIT


def answer(server: ServerMechanism, step: Step, *, is_right: bool) -> Step:
    return server.supply(DECOY if isinstance(step, NeedVerifier) else is_right)


def check_clients(messages: list[bytes]) -> None:
    scram = ScramClient("alice", "secret", "nonce")
    clients: tuple[ClientMechanism, ...] = (
        PlainClient("alice", "secret"),
        LoginClient("alice", "secret"),
        OAuthBearerClient("alice", "token"),
        XOAuth2Client("alice", "token"),
        ExternalClient(),
        scram,
    )
    for client in clients:
        client.start()
        for message in messages:
            try:
                response = client.step(message[:64] if client is scram else message)
            except SaslError:
                break
            assert len(response) <= RESPONSE_LIMIT
    try:
        scram.finish()
    except SaslError:
        return
    raise AssertionError("the server was believed without a proof")


def check_prepared(text: str) -> None:
    try:
        prepared = saslprep(text)
    except PrepareError:
        return
    assert saslprep(prepared) == prepared
    assert len(prepared) <= max(1, len(text)) * PREPARED_GROWTH


def main() -> None:
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
