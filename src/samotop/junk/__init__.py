"""The learned content filter: online linear learning on hashed features, one small file per owner (docs/junk.md).

    from samotop.junk import Filter

    junk = Filter.open("alice.junk")
    junk.learn(octets, spam=True)
    junk.score(octets)               # the probability of spam
    junk.is_junk(octets)             # held against alice's threshold
    junk.explain(octets).reasons
    junk.save()

Usable on its own: it needs NumPy, and no server. Its names load when they are first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from samotop.junk.evaluate import Figures, measure
    from samotop.junk.explanation import Explanation, Reason
    from samotop.junk.features import Features
    from samotop.junk.filter import Filter, Judgement

_HOMES: Final = {
    "Explanation": "samotop.junk.explanation",
    "Features": "samotop.junk.features",
    "Figures": "samotop.junk.evaluate",
    "Filter": "samotop.junk.filter",
    "Judgement": "samotop.junk.filter",
    "Reason": "samotop.junk.explanation",
    "measure": "samotop.junk.evaluate",
}

__all__ = ["Explanation", "Features", "Figures", "Filter", "Judgement", "Reason", "measure"]


def __getattr__(name: str) -> Any:
    """Load a name's module when it is first asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'samotop.junk' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
