"""A small made-up corpus: two kinds of mail that differ in their words, links and fields, each message from a number.

Not like real mail, and nothing is measured on it: it shows that what is
learned is learned. In three languages, for words that are not ASCII.
"""

from __future__ import annotations

import random
from base64 import b64encode

_HAM = (
    "the meeting about our build is on thursday please read the notes before",
    "der Termin für den Bericht wurde verschoben, bitte sage den Kollegen Bescheid",
    "собрание по проекту перенесли на четверг прочитай пожалуйста заметки",
)
_SPAM = (
    "winner claim your free prize now cheap pills limited offer click here",
    "Gewinner sichern Sie sich Ihren kostenlosen Preis jetzt billig klicken Sie hier",
    "победитель получи бесплатный приз сейчас дешёвые таблетки нажми здесь",
)


def make_mail(number: int, *, is_spam: bool) -> bytes:
    """The message of that number, always the same."""
    chance = random.Random(number * 2 + is_spam)
    words = (_SPAM if is_spam else _HAM)[number % 3].split()
    text = " ".join(chance.choice(words) for _ in range(60))
    address = f"p{chance.randrange(999)}@example.{chance.choice(['net', 'com'])}"
    head = (
        f"Received: from host{chance.randrange(99)}.example.net by mx.example.org; Mon, 1 Jan 2024 00:00:00 +0000\r\n"
        f"From: {chance.choice(['Ann', 'Bob', 'Eve'])} <{address}>\r\n"
        f"To: alice@example.org\r\nSubject: {' '.join(text.split()[:4]) if number % 3 != 2 else 'note'}\r\n"
        f"Message-ID: <{number}.{int(is_spam)}@example.net>\r\nMIME-Version: 1.0\r\n"
    )
    if is_spam and number % 2:
        body = f"<html><body><a href='http://win{chance.randrange(20)}.example.biz/go'>{text}</a></body></html>"
        encoded = b64encode(body.encode()).decode()
        rest = f"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{encoded}\r\n"
    else:
        rest = f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n"
    return (head + rest).encode("utf-8")


def make_corpus(number: int) -> list[tuple[bytes, bool]]:
    """So many messages of either kind, mixed."""
    return [(make_mail(at, is_spam=is_spam), is_spam) for at in range(number) for is_spam in (False, True)]
