"""The configuration of a board's SSH server."""

from harness.emulator.enclosure import Account
from harness.emulator.layout import Fleet, Place
from harness.emulator.tools import Tools

ADDRESS = "127.0.0.1"
_SFTP_SERVER = "/usr/lib/openssh/sftp-server"
_PENALTIES_SINCE = (9, 8)

# Many lanes may connect at once from one address, hence MaxStartups. StrictModes would object to a cache
# folder that others may write to, where the key's own folder is what counts.
_TEXT = """\
ListenAddress {address}:{port}
HostKey {host_key}
PidFile none
LogLevel INFO
AuthorizedKeysFile {authorized}
AllowUsers {user}
AuthenticationMethods publickey
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
UseDNS no
PermitUserRC no
PermitUserEnvironment no
DisableForwarding yes
PrintMotd no
PrintLastLog no
MaxStartups 200
MaxSessions 200
Subsystem sftp {sftp}
ForceCommand exec {entrance}
"""


def server_config(tools: Tools, fleet: Fleet, place: Place, who: Account, port: int) -> str:
    """Return a board's sshd_config: keys only, loopback only, every session through the entrance."""
    text = _TEXT.format(
        address=ADDRESS,
        port=port,
        host_key=place.host_key,
        authorized=fleet.identity.with_suffix(".pub"),
        user=who.name,
        sftp=_SFTP_SERVER,
        entrance=place.entrance,
    )
    # An unpacked server does not find the programs that newer versions are split into.
    helpers = {"SshdSessionPath": "sshd-session", "SshdAuthPath": "sshd-auth"}
    for option, name in helpers.items():
        path = tools.server.helper(name)
        text += f"{option} {path}\n" if path else ""
    if tools.server_version >= _PENALTIES_SINCE:
        text += "PerSourcePenalties no\n"  # one refused key on loopback must not shut out everybody else
    return text
