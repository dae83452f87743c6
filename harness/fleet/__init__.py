"""Reaching a device and putting it to use: connection, agent, store, wheels, fingerprint."""
