"""The outcomes of one message as they come, each put where its recipient stands in the envelope."""

from __future__ import annotations

from samotop.envelope import Recipient
from samotop.transport.sending import RecipientOutcome


class Ledger:
    """A recipient who stands in the envelope twice has two outcomes. The last one for a place counts."""

    __slots__ = ("_found", "_open", "_recipients")

    def __init__(self, recipients: tuple[Recipient, ...]) -> None:
        self._recipients = recipients
        self._found: dict[int, RecipientOutcome] = {}
        self._open: dict[Recipient, list[int]] = {}
        for number in range(len(recipients) - 1, -1, -1):
            self._open.setdefault(recipients[number], []).append(number)

    @property
    def is_complete(self) -> bool:
        """Has everybody an outcome?"""
        return len(self._found) == len(self._recipients)

    @property
    def open(self) -> tuple[Recipient, ...]:
        """Who has no outcome yet."""
        return tuple(one for number, one in enumerate(self._recipients) if number not in self._found)

    def put(self, *outcomes: RecipientOutcome) -> None:
        """Write down outcomes of recipients who have none yet; others' are passed over."""
        for outcome in outcomes:
            places = self._open.get(outcome.recipient)
            if places:
                self._found[places.pop()] = outcome

    def outcomes(self) -> tuple[RecipientOutcome, ...]:
        """All, in the envelope's order. Raises ``KeyError`` while one is open."""
        return tuple(self._found[number] for number in range(len(self._recipients)))
