"""samotop.toml: read, checked as a whole, shown again, described.

* ``read`` gives a ``Config`` or every ``Fault``; ``shapes`` is the ``Config``;
* ``effective`` prints what holds, ``reference`` writes docs/configuration.md;
* ``home`` finds and guards the directory that holds everything.

Import the module that has what you need; this one imports nothing.
"""
