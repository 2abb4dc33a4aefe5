"""All that sender authentication found about one message, as one value for decisions to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from samotop.msgauth.arc import ArcResult
    from samotop.msgauth.author import Author
    from samotop.msgauth.dkim import DkimResult
    from samotop.msgauth.dmarc import DmarcResult
    from samotop.msgauth.hello import HelloResult
    from samotop.msgauth.iprev import IprevResult
    from samotop.msgauth.spf import SpfResult


@dataclass(frozen=True, slots=True)
class Authentication:
    """One message's results (RFC 8601 §2.7). ``None`` where a method was not evaluated.

    ``dkim`` has one result for each signature, ``arc`` is one for the chain.
    ``explained_by`` is the domain of a trusted sealer whose results stand in
    for a DMARC failure (RFC 8617 §7.2.1); empty without one.
    ``might_be_explained``: it is only DNS that kept such a sealer's word back.
    """

    iprev: IprevResult | None = None
    hello: HelloResult | None = None
    spf: SpfResult | None = None
    dkim: tuple[DkimResult, ...] = ()
    arc: ArcResult | None = None
    author: Author | None = None
    dmarc: DmarcResult | None = None
    explained_by: str = ""
    might_be_explained: bool = False
