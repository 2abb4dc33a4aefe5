from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samotop.errors import TryAgainLater
from samotop.ports import Account
from samotop.reception.login import (
    BAD_CREDENTIALS,
    MALFORMED,
    TOO_LONG,
    TRY_LATER,
    UNKNOWN_MECHANISM,
    LoginChallenge,
    LoginDone,
    LoginExchange,
    LoginRefused,
    LoginRules,
    LoginStep,
    account_of,
    mechanisms_for,
)
from samotop.sasl import (
    MECHANISMS,
    RESPONSE_LIMIT,
    ClientMechanism,
    LoginClient,
    PlainClient,
    ScramClient,
    derive_verifier,
)
from samotop.sasl.scram import proof_of, salted_password
from samotop.sasl.scram_messages import format_client_final, format_proven, parse_server_first

BINDING = bytes(range(32))
RULES = LoginRules(b"of this server", frozenset({"example.org"}), scram_iterations=4096)
ALICE = Account("alice", "secret", derive_verifier("secret", b"salt of sixteen!", 4096))


class FakeAccounts:
    def __init__(self, *accounts: Account) -> None:
        self.all = {account.name: account for account in accounts}

    def get(self, name: str) -> Account | None:
        return self.all.get(name)

    def exists(self, name: str) -> bool:
        return name in self.all

    def names(self) -> frozenset[str]:
        return frozenset(self.all)


class FakeChecker:
    """Knows the password as it stands in the account; counts how often it was asked."""

    def __init__(self, *, is_busy: bool = False) -> None:
        self.asked: list[Account | None] = []
        self.is_busy = is_busy

    async def check(self, account: Account | None, password: str) -> bool:
        self.asked.append(account)
        if self.is_busy:
            raise TryAgainLater("busy")
        return account is not None and account.password_hash == password


def exchange(
    mechanism: str,
    *,
    checker: FakeChecker | None = None,
    advertised: tuple[str, ...] = MECHANISMS,
    binding: bytes | None = BINDING,
) -> LoginExchange:
    return LoginExchange(
        mechanism,
        FakeAccounts(ALICE),
        checker or FakeChecker(),
        RULES,
        advertised=advertised,
        channel_binding=binding,
        new_nonce=lambda: "nonce",
    )


async def run(login: LoginExchange, client: ClientMechanism, *, has_initial: bool = True) -> LoginStep:
    first = client.start()
    step = await login.begin(first if has_initial else None)
    if not has_initial and first is not None:
        assert step == LoginChallenge(b"")
        step = await login.respond(first)
    while isinstance(step, LoginChallenge):
        step = await login.respond(client.step(step.octets))
    if isinstance(step, LoginDone):
        client.finish()
    return step


def clients(name: str, password: str) -> list[ClientMechanism]:
    return [
        PlainClient(name, password),
        LoginClient(name, password),
        ScramClient(name, password, "c"),
        ScramClient(name, password, "c", channel_binding=BINDING),
    ]


@pytest.mark.parametrize("index", range(4))
@pytest.mark.parametrize("has_initial", [True, False])
@pytest.mark.parametrize("name", ["alice", "Alice", "alice@example.org", "ALICE@EXAMPLE.ORG"])
async def test_the_owner_gets_in(index: int, has_initial: bool, name: str) -> None:
    """By every mechanism, with and without an initial response, by name or by address."""
    client = clients(name, "secret")[index]
    assert await run(exchange(client.name), client, has_initial=has_initial) == LoginDone("alice")


@pytest.mark.parametrize("index", range(4))
@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("alice", "wrong"),
        ("bob", "secret"),
        ("alice@example.net", "secret"),
        ("alice@", "secret"),
        ("a/../alice", "secret"),
        ("\u0430lice", "secret"),
    ],
)
async def test_nobody_else_does(index: int, name: str, password: str) -> None:
    """Wrong password, unknown name, foreign domain, look-alikes: one and the same reply."""
    client = clients(name, password)[index]
    assert await run(exchange(client.name), client) == LoginRefused(BAD_CREDENTIALS)


@pytest.mark.parametrize("name", ["alice", "bob", "x" * 65, "bob@example.net"])
async def test_one_password_is_checked_whoever_it_is(name: str) -> None:
    """The check takes the time, so it runs for the unknown too, once."""
    checker = FakeChecker()
    await run(exchange("PLAIN", checker=checker), PlainClient(name, "wrong"))
    assert checker.asked == [ALICE if name == "alice" else None]


async def server_first(name: str, *, authzid: bytes = b"") -> LoginStep:
    return await exchange("SCRAM-SHA-256").begin(b"n," + authzid + b",n=" + name.encode() + b",r=c")


async def test_scram_does_not_tell_who_exists() -> None:
    """The challenge to an unknown name has the form of a real one and stays the same over spellings and time."""
    real, decoy = await server_first("alice"), await server_first("bob")
    assert isinstance(real, LoginChallenge)
    assert isinstance(decoy, LoginChallenge)
    one, other = parse_server_first(real.octets), parse_server_first(decoy.octets)
    assert one.iterations == other.iterations
    assert len(one.salt) == len(other.salt)
    assert decoy == await server_first("bob")
    assert await server_first("BOB@example.org") == await server_first("bob")
    assert await server_first("ALICE@example.org") == await server_first("alice")


async def test_a_wrong_authorization_identity_does_not_tell_either() -> None:
    """If it changed the salt for accounts that exist, it would show which do."""
    assert await server_first("alice", authzid=b"a=bob") == await server_first("alice")
    assert await server_first("bob", authzid=b"a=alice") == await server_first("bob")


@pytest.mark.parametrize(
    ("authzid", "is_let_in"),
    [
        ("", True),
        ("alice", True),
        ("Alice@example.org", True),
        ("bob", False),
        ("@", False),
        ("alice@example.net", False),
    ],
)
async def test_an_account_acts_as_itself_alone(authzid: str, is_let_in: bool) -> None:
    step = await run(exchange("PLAIN"), PlainClient("alice", "secret", authzid))
    assert step == (LoginDone("alice") if is_let_in else LoginRefused(BAD_CREDENTIALS))


async def test_an_account_acts_as_itself_alone_by_scram() -> None:
    """Our client sends no such identity, so the message is written by hand."""
    for authzid, expected in (("alice", LoginChallenge), ("bob", LoginRefused)):
        login = exchange("SCRAM-SHA-256")
        step = await login.begin(f"n,a={authzid},n=alice,r=c".encode())
        assert isinstance(step, LoginChallenge)
        without_proof = format_client_final(f"n,a={authzid},".encode(), "cnonce")
        message = f"n=alice,r=c,{step.octets.decode()},{without_proof}".encode()
        proof = proof_of(salted_password("secret", ALICE.scram.salt, 4096), message)
        assert isinstance(await login.respond(format_proven(without_proof, proof)), expected)


@pytest.mark.parametrize("name", ["", "CRAM-MD5", "EXTERNAL", "SCRAM-SHA-1"])
async def test_an_unknown_mechanism_is_refused(name: str) -> None:
    assert await exchange(name).begin(b"x") == LoginRefused(UNKNOWN_MECHANISM)


@pytest.mark.parametrize("name", MECHANISMS)
async def test_only_what_was_advertised_is_accepted(name: str) -> None:
    """Without TLS nothing is, whatever the client tries."""
    login = exchange(name, advertised=mechanisms_for(tls=False, channel_binding=False))
    assert await login.begin(b"\0alice\0secret") == LoginRefused(UNKNOWN_MECHANISM)


async def test_the_mechanisms_name_may_be_in_lower_case() -> None:
    """RFC 4954 §4 names mechanisms without regard to case."""
    assert await exchange("plain").begin(b"\0alice\0secret") == LoginDone("alice")


async def test_a_downgrade_is_noticed_only_where_plus_was_offered() -> None:
    """RFC 5802 §6. Where the owner's setup does not offer -PLUS, a client that could bind is welcome."""
    offered = await exchange("SCRAM-SHA-256").begin(b"y,,n=alice,r=c")
    assert offered == LoginRefused(BAD_CREDENTIALS)
    not_offered = exchange("SCRAM-SHA-256", advertised=("SCRAM-SHA-256",))
    assert isinstance(await not_offered.begin(b"y,,n=alice,r=c"), LoginChallenge)


@pytest.mark.parametrize("name", MECHANISMS)
async def test_garbage_is_malformed(name: str) -> None:
    login = exchange(name)
    step = await login.begin(b"\0\0\0\xff")
    assert step == LoginRefused(MALFORMED)
    with pytest.raises(RuntimeError):
        await login.respond(b"")


@pytest.mark.parametrize("name", MECHANISMS)
async def test_an_overlong_response_has_a_reply_of_its_own(name: str) -> None:
    """RFC 4954 §4: 500 5.5.6."""
    assert await exchange(name).begin(b"x" * (RESPONSE_LIMIT + 1)) == LoginRefused(TOO_LONG)


async def test_a_busy_checker_is_a_temporary_failure() -> None:
    """RFC 4954 §6: 454 4.7.0, and the client comes again without asking for a new password."""
    login = exchange("PLAIN", checker=FakeChecker(is_busy=True))
    assert await login.begin(b"\0alice\0secret") == LoginRefused(TRY_LATER)
    with pytest.raises(RuntimeError):
        await login.respond(b"\0alice\0secret")


async def test_a_busy_store_is_a_temporary_failure() -> None:
    class BusyAccounts(FakeAccounts):
        def get(self, name: str) -> Account | None:
            raise TryAgainLater("busy")

    for name, first in (("PLAIN", b"\0alice\0secret"), ("SCRAM-SHA-256", b"n,,n=alice,r=c")):
        login = LoginExchange(name, BusyAccounts(), FakeChecker(), RULES, advertised=MECHANISMS)
        assert await login.begin(first) == LoginRefused(TRY_LATER)


async def test_the_proof_of_the_server_is_answered_with_nothing() -> None:
    """RFC 4954 §4: SMTP has no room for data with a success, so it is a challenge, and its answer is empty."""
    client, login = ScramClient("alice", "secret", "c"), exchange("SCRAM-SHA-256")
    first = await login.begin(client.start())
    assert isinstance(first, LoginChallenge)
    proof = await login.respond(client.step(first.octets))
    assert isinstance(proof, LoginChallenge)
    assert proof.octets.startswith(b"v=")
    assert await login.respond(b"something") == LoginRefused(MALFORMED)


async def test_an_exchange_runs_once() -> None:
    login = exchange("PLAIN")
    with pytest.raises(RuntimeError):
        await login.respond(b"")
    await login.begin(None)
    with pytest.raises(RuntimeError):
        await login.begin(None)
    assert await login.respond(b"\0alice\0secret") == LoginDone("alice")
    with pytest.raises(RuntimeError):
        await login.respond(b"\0alice\0secret")


async def test_every_exchange_has_a_nonce_of_its_own() -> None:
    challenges = set()
    for _ in range(20):
        login = LoginExchange("SCRAM-SHA-256", FakeAccounts(), FakeChecker(), RULES, advertised=MECHANISMS)
        step = await login.begin(b"n,,n=alice,r=c")
        assert isinstance(step, LoginChallenge)
        challenges.add(parse_server_first(step.octets).nonce)
    assert len(challenges) == 20
    assert min(map(len, challenges)) >= 24


@pytest.mark.parametrize(
    ("tls", "channel_binding", "allow_plaintext", "expected"),
    [
        (False, False, False, ()),
        (False, True, False, ()),
        (False, True, True, ("SCRAM-SHA-256", "PLAIN", "LOGIN")),
        (True, False, False, ("SCRAM-SHA-256", "PLAIN", "LOGIN")),
        (True, True, False, ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN")),
        (True, True, True, ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN")),
    ],
)
def test_what_is_advertised(tls: bool, channel_binding: bool, allow_plaintext: bool, expected: tuple[str, ...]) -> None:
    """Strongest first, because some clients take the first that they know."""
    assert mechanisms_for(tls, channel_binding, allow_plaintext) == expected


@pytest.mark.parametrize(
    ("login", "name"),
    [
        ("alice", "alice"),
        ("A.Liddell_1-x", "a.liddell_1-x"),
        ("alice@Example.ORG", "alice"),
        ("x" * 64, "x" * 64),
        ("x" * 65, None),
        ("", None),
        ("@example.org", None),
        ("alice@", None),
        ("alice@example.net", None),
        ("alice@sub.example.org", None),
        ("al@ice@example.org", None),
        ("../alice", None),
        ("alice\n", None),
        ("al ice", None),
        ("älice", None),
    ],
)
def test_a_login_means_an_account(login: str, name: str | None) -> None:
    """An account's name is a directory's name: nothing else may come out."""
    assert account_of(login, {"example.org"}) == name


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(MECHANISMS), st.lists(st.binary(max_size=60), min_size=1, max_size=4))
async def test_nothing_that_a_peer_sends_raises_or_gets_in(mechanism: str, responses: list[bytes]) -> None:
    login = exchange(mechanism)
    step = await login.begin(responses[0])
    for octets in responses[1:]:
        if not isinstance(step, LoginChallenge):
            break
        step = await login.respond(octets)
    assert not isinstance(step, LoginDone)
