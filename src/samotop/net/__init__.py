"""The network at the edge: listeners, TLS, the PROXY protocol, the system's clock.

Import the module that has what you need; this one imports nothing.
"""
