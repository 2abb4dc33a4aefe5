from __future__ import annotations

from base64 import b64decode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scramp import ScramClient as ScrampClient
from scramp import ScramException, ScramMechanism

from samotop.sasl import (
    Challenge,
    Failure,
    NeedVerifier,
    Reason,
    SaslError,
    ScramClient,
    ScramServer,
    ScramVerifier,
    Step,
    Success,
    decoy_verifier,
    derive_verifier,
    saslprep,
)
from samotop.sasl.mechanism import BAD_CREDENTIALS, NAME_LIMIT, RESPONSE_LIMIT
from samotop.sasl.scram import MAXIMUM_ITERATIONS, MINIMUM_ITERATIONS, proof_of, salted_password
from samotop.sasl.scram_messages import format_client_final, format_proven

# The example of RFC 7677 §3.
PASSWORD = "pencil"
SALT = b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
CLIENT_NONCE = "rOprNGfwEbeRWgbNEkqO"
SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
CLIENT_FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
SERVER_FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
CLIENT_FINAL = (
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
)
SERVER_FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

VERIFIER = derive_verifier(PASSWORD, SALT, 4096)
BINDING = bytes(range(32))
SECRET = b"of this server"


def challenge_of(step: Step) -> bytes:
    assert isinstance(step, Challenge)
    return step.octets


def reason_of(step: Step) -> Reason:
    assert isinstance(step, Failure)
    return step.reason


def run(client: ScramClient, server: ScramServer, verifier: ScramVerifier = VERIFIER) -> Step:
    first = client.start()
    assert first is not None
    assert isinstance(server.step(first), NeedVerifier)
    step = server.step(client.step(challenge_of(server.supply(verifier))))
    if isinstance(step, Success):
        assert client.step(step.octets) == b""
        client.finish()
    return step


# ------------------------------------------------------------------ the example of the RFC


def test_the_server_speaks_the_example_of_rfc_7677() -> None:
    server = ScramServer(SERVER_NONCE)
    assert server.start() == Challenge(b"")
    assert server.step(CLIENT_FIRST) == NeedVerifier("user")
    assert server.supply(VERIFIER) == Challenge(SERVER_FIRST)
    assert server.step(CLIENT_FINAL) == Success("user", SERVER_FINAL)


def test_the_client_speaks_the_example_of_rfc_7677() -> None:
    client = ScramClient("user", PASSWORD, CLIENT_NONCE)
    assert client.name == "SCRAM-SHA-256"
    assert client.start() == CLIENT_FIRST
    assert client.step(SERVER_FIRST) == CLIENT_FINAL
    assert client.step(SERVER_FINAL) == b""
    client.finish()


# ------------------------------------------------------------------ client, server and scramp among themselves

texts = st.text(
    st.characters(codec="utf-8", max_codepoint=0xFF, categories=["L", "N", "P", "S"]), min_size=1, max_size=30
)


@settings(max_examples=60, deadline=None)
@given(texts, texts, st.binary(min_size=1, max_size=24), st.sampled_from(["n", "y", "p"]))
def test_client_and_server_understand_each_other(login: str, password: str, salt: bytes, flag: str) -> None:
    """Any name (commas and equals signs too), any password, with and without the channel bound."""
    verifier = derive_verifier(saslprep(password), salt, MINIMUM_ITERATIONS)
    binding = BINDING if flag == "p" else None
    client = ScramClient(login, password, "client", channel_binding=binding, could_bind=flag == "y")
    step = run(client, ScramServer("server", channel_binding=binding, is_plus=flag == "p"), verifier)
    assert isinstance(step, Success)
    assert step.name == saslprep(login)


@settings(max_examples=20, deadline=None)
@given(texts, texts, st.booleans())
def test_another_client_can_log_in(login: str, password: str, is_plus: bool) -> None:
    """scramp is somebody else's reading of the same RFC."""
    binding = BINDING if is_plus else None
    mechanism = "SCRAM-SHA-256-PLUS" if is_plus else "SCRAM-SHA-256"
    salt, stored_key, server_key, iterations = ScramMechanism(mechanism).make_auth_info(password, iteration_count=4096)
    verifier = ScramVerifier(salt, iterations, stored_key, server_key)
    client = ScrampClient(
        [mechanism], login, password, channel_binding=("tls-server-end-point", BINDING) if is_plus else None
    )
    server = ScramServer("server", channel_binding=binding, is_plus=is_plus)
    assert isinstance(server.step(client.get_client_first().encode()), NeedVerifier)
    client.set_server_first(challenge_of(server.supply(verifier)).decode())
    step = server.step(client.get_client_final().encode())
    assert isinstance(step, Success)
    client.set_server_final(step.octets.decode())


@settings(max_examples=20, deadline=None)
@given(texts, texts, st.booleans())
def test_we_can_log_in_at_another_server(login: str, password: str, is_plus: bool) -> None:
    mechanism = ScramMechanism("SCRAM-SHA-256-PLUS" if is_plus else "SCRAM-SHA-256")
    salt, stored_key, server_key, iterations = mechanism.make_auth_info(password, iteration_count=4096)
    server = mechanism.make_server(
        lambda _: (salt, stored_key, server_key, iterations),
        channel_binding=("tls-server-end-point", BINDING) if is_plus else None,
    )
    client = ScramClient(login, password, "client", channel_binding=BINDING if is_plus else None)
    first = client.start()
    assert first is not None
    server.set_client_first(first.decode())
    server.set_client_final(client.step(server.get_server_first().encode()).decode())
    client.step(server.get_server_final().encode())
    client.finish()


def test_the_verifier_is_what_another_implementation_derives() -> None:
    salt, stored_key, server_key, iterations = ScramMechanism("SCRAM-SHA-256").make_auth_info(
        PASSWORD, iteration_count=4096, salt=SALT
    )
    assert ScramVerifier(salt, iterations, stored_key, server_key) == VERIFIER


# ------------------------------------------------------------------ what must fail


def test_a_wrong_password_fails() -> None:
    client = ScramClient("user", "pencils", CLIENT_NONCE)
    assert run(client, ScramServer(SERVER_NONCE)) == BAD_CREDENTIALS
    with pytest.raises(SaslError):
        client.finish()


def test_an_unknown_name_fails_like_a_wrong_password() -> None:
    """The same messages of the same form, and the salt stays the same, as a real one would."""
    decoy = decoy_verifier(SECRET, "nobody", 4096)
    assert decoy == decoy_verifier(SECRET, "nobody", 4096)
    assert decoy.salt != decoy_verifier(SECRET, "noone", 4096).salt
    assert decoy.salt != decoy_verifier(b"of another", "nobody", 4096).salt
    assert len(decoy.salt) == len(SALT)
    assert run(ScramClient("nobody", PASSWORD, "c"), ScramServer("s"), decoy) == BAD_CREDENTIALS


def test_a_changed_octet_anywhere_in_the_final_message_fails() -> None:
    """Proof, nonce, binding and the header in it are all covered."""
    for place in range(len(CLIENT_FINAL)):
        server = ScramServer(SERVER_NONCE)
        server.step(CLIENT_FIRST)
        server.supply(VERIFIER)
        changed = bytearray(CLIENT_FINAL)
        changed[place] ^= 1
        assert isinstance(server.step(bytes(changed)), Failure), place


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"n",
        b"n,",
        b"n,,",
        b"n,,n=user",
        b"n,,n=,r=c",
        b"n,,r=c,n=user",
        b"n,,n=us=er,r=c",
        b"n,,n=us=2c,r=c",
        b"n,,n=user,r=",
        b"n,,n=user,r=c d",
        b"n,,n=user,r=\xc3\xa9",
        b"n,,n=user,r=" + b"c" * 1025,
        b"n,,m=x,n=user,r=c",
        b"n,,n=user,r=c,m=x",
        b"n,,n=user,r=c,x",
        b"n,,n=user,r=c,x=",
        b"n,,n=user,r=c,",
        b"x,,n=user,r=c",
        b"p,,n=user,r=c",
        b"p=,,n=user,r=c",
        b"p=tls unique,,n=user,r=c",
        b"n,b=x,n=user,r=c",
        b"n,a=,n=user,r=c",
        b"n,,n=us\0er,r=c",
        b"n,,n=\xff,r=c",
        b"n=user,r=c",
    ],
)
def test_a_malformed_first_message_fails(first: bytes) -> None:
    """RFC 5802 §7, to the letter."""
    server = ScramServer(SERVER_NONCE)
    assert reason_of(server.step(first)) is Reason.MALFORMED
    with pytest.raises(RuntimeError):
        server.step(CLIENT_FIRST)


def test_an_optional_extension_is_passed_over() -> None:
    """RFC 5802 §7: it is no reason to fail, and the proof covers it."""
    assert ScramServer(SERVER_NONCE).step(CLIENT_FIRST + b",x=future") == NeedVerifier("user")


def test_an_authorization_identity_is_told_to_the_caller() -> None:
    assert ScramServer("s").step(b"n,a=bo=2Cb,n=user,r=c") == NeedVerifier("user", "bo,b")


@pytest.mark.parametrize(
    "final",
    [
        b"",
        b"c=biws",
        b"c=biws,r=NONCE",
        b"c=biws,p=AAAA",
        b"r=NONCE,c=biws,p=AAAA",
        b"c=biws,r=NONCE,p=",
        b"c=biws,r=NONCE,p=A",
        b"c=biws,r=NONCE,p=AAA\xc3\xa9",
        b"c=,r=NONCE,p=AAAA",
        b"c=b!ws,r=NONCE,p=AAAA",
        b"c=biws,r=NONCE,m=x,p=AAAA",
        b"c=biws,r=NONCE,p=AAAA,x=y",
        b"c=biws,r=NONCE,p=AB==",
        b"c=biws,r=NONCE,p=\xff",
    ],
)
def test_a_malformed_final_message_fails(final: bytes) -> None:
    server = ScramServer(SERVER_NONCE)
    server.step(CLIENT_FIRST)
    server.supply(VERIFIER)
    nonce = (CLIENT_NONCE + SERVER_NONCE).encode()
    assert reason_of(server.step(final.replace(b"NONCE", nonce))) is Reason.MALFORMED


def test_a_short_proof_fails() -> None:
    """Well-formed base64 of the wrong length is a wrong proof, not an error of ours."""
    server = ScramServer(SERVER_NONCE)
    server.step(CLIENT_FIRST)
    server.supply(VERIFIER)
    assert server.step(CLIENT_FINAL[: CLIENT_FINAL.rindex(b"p=")] + b"p=AAAA") == BAD_CREDENTIALS


def test_an_old_final_message_cannot_be_replayed() -> None:
    """The server's nonce is in it."""
    server = ScramServer("another-nonce")
    server.step(CLIENT_FIRST)
    server.supply(VERIFIER)
    assert server.step(CLIENT_FINAL) == BAD_CREDENTIALS


def test_a_proof_over_another_nonce_fails() -> None:
    """Even a right one: RFC 5802 §5.1 has the server compare the nonce with what it sent."""
    server = ScramServer("s")
    server.step(b"n,,n=user,r=c")
    server_first = challenge_of(server.supply(VERIFIER))
    without_proof = format_client_final(b"n,,", "csx")
    auth_message = f"n=user,r=c,{server_first.decode()},{without_proof}".encode()
    proof = proof_of(salted_password(PASSWORD, SALT, 4096), auth_message)
    assert server.step(format_proven(without_proof, proof)) == BAD_CREDENTIALS


def test_an_overlong_response_is_not_looked_at() -> None:
    assert reason_of(ScramServer("s").step(b"n,,n=user,r=c,x=" + b"y" * RESPONSE_LIMIT)) is Reason.TOO_LONG


@pytest.mark.parametrize("name", ["n" * (NAME_LIMIT + 1), "a\x07b", "\u00ad"])
def test_a_name_that_nobody_has_fails_at_once(name: str) -> None:
    assert ScramServer("s").step(f"n,,n={name},r=c".encode()) == BAD_CREDENTIALS


def test_an_exchange_cannot_be_used_out_of_order() -> None:
    server = ScramServer(SERVER_NONCE)
    with pytest.raises(RuntimeError):
        server.supply(VERIFIER)
    server.step(CLIENT_FIRST)
    with pytest.raises(RuntimeError):
        server.step(CLIENT_FINAL)
    with pytest.raises(RuntimeError):
        server.supply(True)
    server.supply(VERIFIER)
    server.step(CLIENT_FINAL)
    with pytest.raises(RuntimeError):
        server.step(CLIENT_FINAL)


# ------------------------------------------------------------------ channel binding


def test_a_client_that_was_lied_to_about_plus_is_refused() -> None:
    """RFC 5802 §6: "y" under an offer of -PLUS means that somebody took it from the offer."""
    client = ScramClient("user", PASSWORD, CLIENT_NONCE, could_bind=True)
    first = client.start()
    assert first == b"y" + CLIENT_FIRST[1:]
    assert ScramServer("s", channel_binding=BINDING).step(first) == BAD_CREDENTIALS
    assert ScramServer("s").step(first) == NeedVerifier("user")


def test_a_client_without_channel_binding_may_log_in_where_plus_is_offered() -> None:
    assert isinstance(run(ScramClient("user", PASSWORD, "c"), ScramServer("s", channel_binding=BINDING)), Success)


@pytest.mark.parametrize("binding", [b"", bytes(32), BINDING[:-1], BINDING + b"\0"])
def test_another_channel_fails(binding: bytes) -> None:
    """Who relays an exchange between two connections is found out."""
    client = ScramClient("user", PASSWORD, "c", channel_binding=binding)
    assert client.name == "SCRAM-SHA-256-PLUS"
    assert run(client, ScramServer("s", channel_binding=BINDING, is_plus=True)) == BAD_CREDENTIALS


@pytest.mark.parametrize("flag", [b"n", b"y", b"p=tls-unique", b"p=tls-exporter", b"p=TLS-SERVER-END-POINT"])
def test_plus_needs_the_binding_that_we_know(flag: bytes) -> None:
    server = ScramServer("s", channel_binding=BINDING, is_plus=True)
    assert reason_of(server.step(flag + CLIENT_FIRST[1:])) is Reason.MALFORMED


def test_binding_needs_plus() -> None:
    """The mechanism's name is what says that the channel is bound (RFC 5802 §6)."""
    server = ScramServer("s", channel_binding=BINDING)
    assert reason_of(server.step(b"p=tls-server-end-point" + CLIENT_FIRST[1:])) is Reason.MALFORMED
    with pytest.raises(ValueError):
        ScramServer("s", is_plus=True)


# ------------------------------------------------------------------ a hostile server


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"r=other,s=AAAA,i=4096",
        b"r=client,s=AAAA,i=4096",
        b"r=clientX,s=,i=4096",
        b"r=clientX,s=A,i=4096",
        b"r=clientX,s=AAAA,i=",
        b"r=clientX,s=AAAA,i=04096",
        b"r=clientX,s=AAAA,i=-1",
        b"r=clientX,s=AAAA,i=" + b"9" * 5000,
        b"r=clientX,s=AAAA,i=%d" % (MINIMUM_ITERATIONS - 1),
        b"r=clientX,s=AAAA,i=%d" % (MAXIMUM_ITERATIONS + 1),
        b"r=clientX,s=AAAA",
        b"s=AAAA,r=clientX,i=4096",
        b"m=x,r=clientX,s=AAAA,i=4096",
        b"r=clientX,s=AAAA,i=4096,m=x",
        b"e=unknown-user",
        b"r=client\xff,s=AAAA,i=4096",
        b"r=clientX,s=AAAA,i=4096,x=" + b"y" * RESPONSE_LIMIT,
    ],
)
def test_the_client_refuses_a_bad_first_message(first: bytes) -> None:
    """One round of PBKDF2 would give the password away; too many would stop us."""
    with pytest.raises(SaslError):
        ScramClient("user", PASSWORD, "client").step(first)


@pytest.mark.parametrize(
    "final", [b"", b"v=", b"v=AAAA", b"e=invalid-proof", SERVER_FINAL + b"x", SERVER_FINAL + b",m=x", b"v=\xff"]
)
def test_a_server_that_does_not_know_the_verifier_is_found_out(final: bytes) -> None:
    client = ScramClient("user", PASSWORD, CLIENT_NONCE)
    client.step(SERVER_FIRST)
    with pytest.raises(SaslError):
        client.step(final)
    with pytest.raises(SaslError):
        client.finish()


def test_a_server_that_skips_its_proof_is_not_believed() -> None:
    """It said 235 right away: anyone can."""
    client = ScramClient("user", PASSWORD, CLIENT_NONCE)
    with pytest.raises(SaslError):
        client.finish()
    client.step(SERVER_FIRST)
    with pytest.raises(SaslError):
        client.finish()


def test_nothing_follows_the_proof() -> None:
    client = ScramClient("user", PASSWORD, CLIENT_NONCE)
    client.step(SERVER_FIRST)
    client.step(SERVER_FINAL)
    with pytest.raises(SaslError):
        client.step(SERVER_FINAL)


# ------------------------------------------------------------------ values


@pytest.mark.parametrize(("login", "password"), [("", "p"), ("n", ""), ("n\x07", "p"), ("n", "p\x00"), ("\u00ad", "p")])
def test_the_client_refuses_what_has_no_prepared_form(login: str, password: str) -> None:
    with pytest.raises(ValueError):
        ScramClient(login, password, "c")


@pytest.mark.parametrize(("salt", "iterations"), [(b"", 4096), (b"salt", 4095)])
def test_a_weak_verifier_is_not_made(salt: bytes, iterations: int) -> None:
    """RFC 7677 §4."""
    with pytest.raises(ValueError):
        derive_verifier(PASSWORD, salt, iterations)


def test_a_verifier_asks_for_no_more_than_cyrus_computes() -> None:
    """Postfix could not log in to us: Cyrus SASL 2.1.28 breaks off above 0x10000 rounds (tests/e2e/test_peers.py)."""
    assert MINIMUM_ITERATIONS <= derive_verifier("pencil", b"s" * 16).iterations <= 0x10000


def test_a_verifier_does_not_print_its_keys() -> None:
    assert repr(VERIFIER.stored_key) not in repr(VERIFIER)
    assert repr(VERIFIER.server_key) not in repr(VERIFIER)


def test_scramp_refuses_our_wrong_proof_too() -> None:
    """The cross-check can fail."""
    salt, stored_key, server_key, iterations = ScramMechanism("SCRAM-SHA-256").make_auth_info("right")
    server = ScramMechanism("SCRAM-SHA-256").make_server(lambda _: (salt, stored_key, server_key, iterations))
    client = ScramClient("user", "wrong", "client")
    server.set_client_first((client.start() or b"").decode())
    with pytest.raises(ScramException):
        server.set_client_final(client.step(server.get_server_first().encode()).decode())
