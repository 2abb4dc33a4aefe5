"""The filter as its owner knows it: what it says of mail before and after decisions."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samotop.junk import Features, Filter
from samotop.junk.filter import probability
from tests.fakes.junkmail import make_corpus, make_mail


@pytest.fixture(scope="module")
def taught() -> Filter:
    learned = Filter()
    for content, is_spam in make_corpus(60):
        learned.learn(content, is_spam)
    return learned


def test_a_new_filter_knows_nothing() -> None:
    """One half is no opinion, and nothing is junk by it."""
    new = Filter()
    assert new.score(make_mail(1, is_spam=True)) == 0.5
    assert new.threshold == 1.0
    assert not new.is_junk(make_mail(1, is_spam=True))


def test_mail_like_what_was_decided_is_known(taught: Filter) -> None:
    """None of these was learned: it is the words and the links that are known."""
    for number in range(1000, 1060):
        assert taught.score(make_mail(number, is_spam=True)) > 0.8
        assert taught.score(make_mail(number, is_spam=False)) < 0.2


def test_a_few_decisions_are_enough() -> None:
    """A new owner is not to decide hundreds of times before it helps."""
    learned = Filter()
    for content, is_spam in make_corpus(6):
        learned.learn(content, is_spam)
    spam = [learned.score(make_mail(number, is_spam=True)) for number in range(100, 120)]
    ham = [learned.score(make_mail(number, is_spam=False)) for number in range(100, 120)]
    assert min(spam) > max(ham)


def test_the_threshold_keeps_ham(taught: Filter) -> None:
    assert 0.899 < taught.threshold < 1
    assert not any(taught.is_junk(make_mail(number, is_spam=False)) for number in range(500, 700))
    assert taught.is_junk(make_mail(1000, is_spam=True))


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=3000), st.booleans())
def test_learning_moves_the_score_the_right_way(octets: bytes, is_spam: bool) -> None:
    """Whatever the octets are: a decision about a message is heard when the same message comes again."""
    learned = Filter()
    for content, kind in make_corpus(3):
        learned.learn(content, kind)
    before = learned.score(octets)
    learned.learn(octets, is_spam)
    after = learned.score(octets)
    assert after > before if is_spam else after < before


def test_wrong_decisions_do_not_ruin_it() -> None:
    """People slip: with one decision in ten wrong, the two kinds are still told apart."""
    learned = Filter()
    for number, (content, is_spam) in enumerate(make_corpus(150)):
        learned.learn(content, is_spam != (number % 10 == 7))
    spam = [learned.score(make_mail(number, is_spam=True)) for number in range(1000, 1040)]
    ham = [learned.score(make_mail(number, is_spam=False)) for number in range(1000, 1040)]
    assert min(spam) > max(ham)


def test_features_are_enough_to_learn_from() -> None:
    """Where the text must not be kept until the decision, its packed features teach the same."""
    by_text, by_features = Filter(), Filter()
    for content, is_spam in make_corpus(10):
        by_text.learn(content, is_spam)
        kept = Filter.features(content).pack()
        by_features.learn_features(Features.unpack(kept), is_spam)
    asked = make_mail(99, is_spam=True)
    assert by_text.score(asked) == by_features.score(asked)


def test_packed_features_hold_no_text() -> None:
    content = make_mail(4, is_spam=False)
    packed = Filter.features(content).pack()
    assert b"alice" not in packed
    assert len(packed) < 3 * len(content) + 2000


@given(st.binary(max_size=400))
def test_features_that_were_not_packed_are_refused(octets: bytes) -> None:
    """They come back from a store: damage is a ValueError, or features within the tables."""
    try:
        features = Features.unpack(b"\x01" + octets)
    except ValueError:
        return
    Filter().score_features(features)


def test_a_new_owner_hears_what_others_taught(taught: Filter) -> None:
    """The base speaks until the owner's own decisions know better."""
    new = Filter(base=taught)
    assert new.score(make_mail(1000, is_spam=True)) > 0.9
    assert new.score(make_mail(1000, is_spam=False)) < 0.1
    assert sum(new.shares[3:]) > 0.9


def test_an_owner_who_decides_otherwise_is_believed(taught: Filter) -> None:
    """What is junk to the others may be what this owner wants."""
    own = Filter(base=taught)
    for content, is_spam in make_corpus(40):
        own.learn(content, not is_spam)
    assert own.score(make_mail(1000, is_spam=True)) < 0.2
    assert own.score(make_mail(1000, is_spam=False)) > 0.8
    assert sum(own.shares[:3]) > 0.9


def test_the_base_learns_only_if_it_may() -> None:
    silent, shared = Filter(), Filter()
    for base, teaches in ((silent, False), (shared, True)):
        owner = Filter(base=base, teaches=teaches)
        owner.learn(make_mail(1, is_spam=True), True)
    assert (silent.spam, shared.spam) == (0, 1)


def test_the_reasons_are_words_of_the_message(taught: Filter) -> None:
    """They are what made the score, and they read like the message."""
    spam = taught.explain(make_mail(1000, is_spam=True))
    assert spam.probability == taught.score(make_mail(1000, is_spam=True))
    assert sum(reason.weight for reason in spam.reasons) > 0
    weights = [abs(reason.weight) for reason in spam.reasons]
    assert weights == sorted(weights, reverse=True)
    ham = taught.explain(make_mail(1000, is_spam=False), limit=40)
    assert any("meeting" in reason.name or "bericht" in reason.name.lower() for reason in ham.reasons)
    assert all(reason.name.isprintable() for reason in ham.reasons)


def test_every_reason_adds_up_to_the_whole(taught: Filter) -> None:
    """No weight is counted twice or lost: all reasons together are the blend's logit without its offset."""
    content = make_mail(1000, is_spam=False)
    reasons = taught.explain(content, limit=1 << 20).reasons
    places = {(reason.view, reason.name) for reason in reasons}
    assert len(places) > 300
    assert sum(reason.weight for reason in reasons) < 0


def test_a_filter_that_explains_nothing_has_no_reasons() -> None:
    assert Filter().explain(make_mail(1, is_spam=True)).reasons == ()


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_greater_logit_is_no_smaller_probability(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 < probability(low) <= probability(high) < 1
