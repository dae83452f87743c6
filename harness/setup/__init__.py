"""Making a machine ready: system packages, Python environment, arm64 userland.

Runs before anything is installed, so it uses Python's standard library only (3.11 or newer).
"""
