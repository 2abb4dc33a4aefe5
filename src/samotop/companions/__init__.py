"""Other programs that are asked about a message: filters that speak the milter protocol, and clamd.

Each is an adapter of ``ports.Companion``: it connects, tells the message, and
makes a verdict of what it hears, within its time. A companion that cannot be
asked, or talks nonsense, is no reason to lose mail: the sender is told to come
back, or the message goes on without, as the operator chose.

Nothing that a companion says is trusted further than it has to be: texts are
cut and cleaned before anybody is told them, headers cannot grow without end.
"""
