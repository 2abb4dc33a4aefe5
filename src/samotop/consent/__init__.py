"""The heart: whom an owner wants mail from, bound to what proves it.

    identity   who claims to write: a mailing list, an address, a domain
    evidence   what proves it: aligned DKIM or SPF, a key; the network as the weak fall-back
    contact    one identity's standing with one owner, and what evidence it is bound to
    wishes     what an owner wants to become of the unknown
    judge      identity, evidence, contact and wishes to one of: inbox, request, defer, reject

Everything here is pure: contacts come from a ledger (``ports.contacts``), times and secrets are passed in.
"""
