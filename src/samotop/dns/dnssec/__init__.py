"""DNSSEC: what signatures in an answer prove (RFC 4033, RFC 4034, RFC 4035, RFC 5155, RFC 6840).

    anchor      what is trusted without proof: the keys of the root zone
    work        how much cryptography one look-up may cost
    public      public keys, and one signature over octets
    signatures  RRsets and their RRSIG
    delegation  DS, and the DNSKEY RRset that it vouches for
    denial      proofs that a name or a type is not there; nsec and nsec3 have their rules
    judgement   what a whole answer proves, given the keys of its zone

All of it is pure: messages of dnspython's, keys and the time come in, values go
out. Whoever asks for the messages and walks from the root to a zone is
``samotop.net.validating``. What is not done: RFC 5011 (the anchor is replaced
by hand, see ``anchor``), private algorithms, signing.

Nothing raises for what a peer has sent: what proves nothing is bogus.
"""
