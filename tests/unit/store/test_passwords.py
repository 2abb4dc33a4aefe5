from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from samotop.errors import SetupError, TryAgainLater
from samotop.ports import Account
from samotop.sasl import ScramClient, ScramServer, Success
from samotop.sasl.mechanism import PASSWORD_LIMIT, Challenge
from samotop.store import passwords
from samotop.store.passwords import PasswordChecker, PasswordRules, decoy_hash, hash_password, is_password

CHEAP = PasswordRules(memory_kib=64, passes=1, lanes=1, scram_iterations=4096)


class FakeClock:
    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


def account(name: str = "alice", password: str = "secret") -> Account:
    return Account(name, *hash_password(password, CHEAP))


class CountedHash:
    """Stands in for the slow comparison: counts, and may hold every call until ``release`` is set."""

    def __init__(self) -> None:
        self.calls = 0
        self.hashes: list[str] = []
        self.running = 0
        self.most = 0
        self.lock = threading.Lock()
        self.release = threading.Event()
        self.release.set()

    def __call__(self, password_hash: str, password: str) -> bool:
        with self.lock:
            self.calls += 1
            self.hashes.append(password_hash)
            self.running += 1
            self.most = max(self.most, self.running)
        self.release.wait(10)
        with self.lock:
            self.running -= 1
        return is_password(password_hash, password)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> CountedHash:
    fake = CountedHash()
    monkeypatch.setattr(passwords, "is_password", fake)
    return fake


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def checker(clock: FakeClock) -> Iterator[PasswordChecker]:
    checker = PasswordChecker(clock, CHEAP)
    yield checker
    checker.close()


async def until(claim: object) -> None:
    """Let the loop run until ``claim()`` holds; bounded, and no clock is waited for."""
    assert callable(claim)
    for _ in range(100_000):
        if claim():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came true")


# ------------------------------------------------------------------ setting


def test_a_password_is_kept_as_argon2id_at_the_rules_cost() -> None:
    assert hash_password("secret", CHEAP).password_hash.startswith("$argon2id$v=19$m=64,t=1,p=1$")


def test_the_default_cost_is_the_low_memory_profile_of_rfc_9106() -> None:
    """64 MiB, three passes, four lanes: lowering it by accident must show."""
    rules = PasswordRules()
    assert (rules.memory_kib, rules.passes, rules.lanes) == (65536, 3, 4)
    assert rules.scram_iterations >= 10_000


def test_the_same_password_is_never_kept_the_same_way() -> None:
    first, second = hash_password("secret", CHEAP), hash_password("secret", CHEAP)
    assert first.password_hash != second.password_hash
    assert first.scram.salt != second.scram.salt


def test_the_verifier_logs_in_by_scram() -> None:
    """Both forms belong to one prepared password: this one has a no-break space and a ligature."""
    scram = hash_password("a\u00a0\ufb01sh", CHEAP).scram
    client, server = ScramClient("alice", "a fish", "c"), ScramServer("s")
    server.step(client.start() or b"")
    challenge = server.supply(scram)
    assert isinstance(challenge, Challenge)
    assert isinstance(server.step(client.step(challenge.octets)), Success)


@pytest.mark.parametrize("password", ["", "\u00ad", "tab\tinside", "\U0001f600", "x" * (PASSWORD_LIMIT + 1)])
def test_what_clients_would_not_send_alike_is_not_set(password: str) -> None:
    """The owner would be locked out later; better to say so now, without repeating the password."""
    with pytest.raises(SetupError) as caught:
        hash_password(password, CHEAP)
    assert caught.value.remedy
    assert not password or password not in str(caught.value)


# ------------------------------------------------------------------ comparing


def test_only_the_right_password_fits() -> None:
    kept = hash_password("a \ufb01sh", CHEAP).password_hash
    assert is_password(kept, "a \ufb01sh")
    assert is_password(kept, "a fish")
    assert not is_password(kept, "a fisH")
    assert not is_password(kept, "")


@pytest.mark.parametrize("kept", ["", "!", "$argon2id$v=19$m=64,t=1,p=1$AAAA", "$1$old$hash"])
def test_a_damaged_hash_fits_no_password(kept: str) -> None:
    assert not is_password(kept, "")
    assert not is_password(kept, kept)


def test_a_password_that_cannot_be_prepared_is_wrong() -> None:
    assert not is_password(hash_password("secret", CHEAP).password_hash, "secret\x00")


def test_the_decoy_has_the_form_and_cost_of_a_real_hash() -> None:
    real, decoy = hash_password("secret", CHEAP).password_hash, decoy_hash(CHEAP)
    assert decoy.rsplit("$", 2)[0] == real.rsplit("$", 2)[0]
    assert len(decoy) == len(real)
    assert not is_password(decoy, "secret")


# ------------------------------------------------------------------ the checker


async def test_the_right_password_is_right_and_no_other(checker: PasswordChecker) -> None:
    alice = account()
    assert await checker.check(alice, "secret")
    assert not await checker.check(alice, "Secret")
    assert not await checker.check(None, "secret")


async def test_an_unknown_account_costs_one_hash(checker: PasswordChecker, counted: CountedHash) -> None:
    """Otherwise the time would tell who exists."""
    assert not await checker.check(None, "secret")
    assert not await checker.check(Account("locked", "!", account().scram), "secret")
    assert counted.calls == 2
    assert all(h.startswith("$argon2id$") for h in counted.hashes)


async def test_a_right_password_is_not_hashed_again_for_a_while(
    checker: PasswordChecker, counted: CountedHash, clock: FakeClock
) -> None:
    """Clients log in every few minutes."""
    alice = account()
    for _ in range(3):
        assert await checker.check(alice, "secret")
    assert counted.calls == 1
    clock.now += CHEAP.remember_seconds
    assert await checker.check(alice, "secret")
    assert counted.calls == 2


async def test_a_wrong_password_is_hashed_each_time(checker: PasswordChecker, counted: CountedHash) -> None:
    """And does not make the right one forgotten."""
    alice = account()
    assert await checker.check(alice, "secret")
    for _ in range(3):
        assert not await checker.check(alice, "wrong")
    assert counted.calls == 4
    assert await checker.check(alice, "secret")
    assert counted.calls == 4


async def test_a_changed_password_ends_the_memory_of_the_old_one(checker: PasswordChecker) -> None:
    assert await checker.check(account(password="old"), "old")
    changed = account(password="new")
    assert not await checker.check(changed, "old")
    assert await checker.check(changed, "new")


async def test_what_is_remembered_belongs_to_one_account(checker: PasswordChecker) -> None:
    """Two accounts may happen to have the same password, or one's row be copied."""
    alice = account()
    assert await checker.check(alice, "secret")
    assert not await checker.check(account("bob", "other"), "secret")


async def test_forgetting_costs_a_hash_again(checker: PasswordChecker, counted: CountedHash) -> None:
    alice = account()
    await checker.check(alice, "secret")
    checker.forget("alice")
    await checker.check(alice, "secret")
    assert counted.calls == 2


async def test_the_memory_is_bounded(clock: FakeClock, counted: CountedHash) -> None:
    """The account that has been known for longest makes room."""
    checker = PasswordChecker(clock, PasswordRules(64, 1, 1, 4096, remember_limit=2))
    accounts = [account(name) for name in ("a", "b", "c")]
    for each in (*accounts, accounts[2], accounts[1]):
        assert await checker.check(each, "secret")
    assert counted.calls == 3
    assert await checker.check(accounts[0], "secret")
    assert counted.calls == 4
    checker.close()


async def test_a_new_password_makes_an_account_the_newest(clock: FakeClock, counted: CountedHash) -> None:
    """Room is made by who logged in with a hash longest ago, not by who came first of all."""
    checker = PasswordChecker(clock, PasswordRules(64, 1, 1, 4096, remember_limit=2))
    changed = account("a", "new")
    for each, password in (
        (account("a"), "secret"),
        (account("b"), "secret"),
        (changed, "new"),
        (account("c"), "secret"),
    ):
        assert await checker.check(each, password)
    before = counted.calls
    assert await checker.check(changed, "new")
    assert counted.calls == before
    checker.close()


async def test_no_more_than_the_workers_hash_at_once_and_a_few_wait(clock: FakeClock, counted: CountedHash) -> None:
    """A flood of logins must not take the machine; who comes too late is told to come again."""
    checker = PasswordChecker(clock, PasswordRules(64, 1, 1, 4096, workers=2, waiting=3))
    alice = account()
    counted.release.clear()
    tasks = [asyncio.create_task(checker.check(alice, f"wrong {n}")) for n in range(5)]
    await until(lambda: counted.running == 2)
    with pytest.raises(TryAgainLater):
        await checker.check(alice, "secret")
    with pytest.raises(TryAgainLater):
        await checker.check(None, "secret")
    counted.release.set()
    assert await asyncio.gather(*tasks) == [False] * 5
    assert counted.most == 2
    assert await checker.check(alice, "secret")
    checker.close()


async def test_connections_of_one_client_share_a_hash(clock: FakeClock, counted: CountedHash) -> None:
    """Who waited for its turn looks at the memory first."""
    checker = PasswordChecker(clock, PasswordRules(64, 1, 1, 4096, workers=1))
    alice = account()
    counted.release.clear()
    tasks = [asyncio.create_task(checker.check(alice, "secret")) for _ in range(6)]
    await until(lambda: counted.running == 1)
    counted.release.set()
    assert all(await asyncio.gather(*tasks))
    assert counted.calls == 1
    checker.close()


async def test_a_remembered_password_needs_no_place_in_the_queue(clock: FakeClock, counted: CountedHash) -> None:
    """Guessing by strangers must not keep the owner's client out."""
    checker = PasswordChecker(clock, PasswordRules(64, 1, 1, 4096, workers=1, waiting=0))
    alice = account()
    assert await checker.check(alice, "secret")
    counted.release.clear()
    guess = asyncio.create_task(checker.check(alice, "wrong"))
    await until(lambda: counted.running == 1)
    assert await checker.check(alice, "secret")
    counted.release.set()
    assert not await guess
    checker.close()


async def test_a_session_that_goes_away_gives_its_place_back(clock: FakeClock, counted: CountedHash) -> None:
    """Connect, log in, hang up, a thousand times: nothing must pile up."""
    checker = PasswordChecker(clock, PasswordRules(64, 1, 1, 4096, workers=1, waiting=2))
    alice = account()
    counted.release.clear()
    first = asyncio.create_task(checker.check(alice, "wrong"))
    await until(lambda: counted.running == 1)
    for _ in range(5):
        gone = [asyncio.create_task(checker.check(alice, "wrong")) for _ in range(2)]
        await asyncio.sleep(0)
        for task in gone:
            task.cancel()
        results = await asyncio.gather(*gone, return_exceptions=True)
        assert all(isinstance(r, asyncio.CancelledError) for r in results)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    last = asyncio.create_task(checker.check(alice, "secret"))
    await asyncio.sleep(0)
    counted.release.set()
    assert await last
    assert counted.calls == 2
    checker.close()


async def test_the_real_cost_is_paid_by_default() -> None:
    """One round with the parameters that owners get."""
    clock = FakeClock()
    checker = PasswordChecker(clock)
    alice = Account("alice", *hash_password("secret"))
    assert "m=65536,t=3,p=4" in alice.password_hash
    assert await checker.check(alice, "secret")
    assert not await checker.check(None, "secret")
    checker.close()
