"""Where the userland's packages come from."""

import shutil

from harness.setup.saying import output_of

_FIELDS = ("REPO_URI", "LABEL", "COMPONENT", "CODENAME")
_FORMAT = "\t".join(f"$({field})" for field in _FIELDS)
_SIDE_SUITES = ("-updates", "-backports", "-proposed-updates", "-security")


def debian_mirror() -> str | None:
    """Return the Debian mirror that this machine uses itself; None leaves the choice to mmdebstrap."""
    if shutil.which("apt-get") is None:
        return None
    return mirror_among(output_of(["apt-get", "indextargets", "--format", _FORMAT, "Created-By: Packages"]))


def mirror_among(targets: str) -> str | None:
    """Return the first mirror of Debian's main archive among apt's index targets, one a line."""
    for line in targets.splitlines():
        uri, label, component, codename = line.split("\t")
        if label == "Debian" and component == "main" and not codename.endswith(_SIDE_SUITES):
            return uri
    return None
