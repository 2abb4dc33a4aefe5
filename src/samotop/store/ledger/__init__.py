"""The ledger in state.db: whom each owner knows, and what lets others in.

    secrets      each owner's secret, wrapped by a key that lies outside state.db
    forms        digests, and what is sealed beside them
    contacts     decisions and requests (``ports.contacts``)
    allowances   answers, tags, expected strangers (``ports.allowances``)

A stolen state.db lists nobody's contacts: rows are found by digests under the owner's secret, names are
sealed. Whoever has the wrapping key as well can read it all.
"""
