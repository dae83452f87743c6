"""Who holds a device: the name that others who wait for it are shown."""

import getpass
import socket


def holder() -> str:
    """Return this user and machine, as `user@machine`."""
    return f"{getpass.getuser()}@{socket.gethostname()}"
