"""Mail servers for tests: a real Exim with STARTTLS, authentication and a mailbox; and one that plays a script of misbehaviour."""
import email
import email.policy
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import threading

from conftest import free_port, wait_for
from passable import passable

EXIM = "/usr/sbin/exim4"

CONFIG = """\
keep_environment =
exim_user = Debian-exim
exim_group = Debian-exim
spool_directory = {folder}/spool
log_file_path = {folder}/exim-%slog
pid_file_path = {folder}/exim.pid
primary_hostname = mail.school.example
daemon_smtp_ports = {port}
local_interfaces = 127.0.0.1
tls_advertise_hosts = *
tls_certificate = {folder}/cert.pem
tls_privatekey = {folder}/key.pem
auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
begin acl
rcpt:
  accept authenticated = *
  deny message = authentication required
begin routers
keep:
  driver = accept
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = {folder}/mail
  maildir_format
  user = Debian-exim
  envelope_to_add
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{beadle}}}}{{eq{{$auth3}}{{secret of the mail}}}}}}}}
  server_set_id = $auth2
"""


def can_run():
    """None, or why a real mail server cannot run here."""
    if os.geteuid() != 0:
        return "not proven: a mail server of the test's own needs root"
    return None if os.path.exists(EXIM) else "not proven: exim4-daemon-light is not installed"


class Exim:
    """mail: addressed to anybody, by beadle with its password, over TLS alone; lands in folder/mail."""
    user, password = "beadle", "secret of the mail"

    def __init__(self, folder, port=None):
        self.folder = pathlib.Path(folder)
        self.port = port or free_port()
        self.ca = self.folder / "cert.pem"
        self.process = None
        self.folder.mkdir(parents=True, exist_ok=True)
        os.chmod(self.folder, 0o755)
        passable(self.folder)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.folder / "key.pem", "-out",
                        self.ca, "-days", "30", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
        (self.folder / "exim.conf").write_text(CONFIG.format(folder=self.folder, port=self.port))
        user = pwd.getpwnam("Debian-exim")
        for name in ("spool", "mail"):
            (self.folder / name).mkdir()
        for path in (self.folder, self.folder / "spool", self.folder / "mail", self.folder / "key.pem"):
            os.chown(path, user.pw_uid, user.pw_gid)

    def start(self):
        self.process = subprocess.Popen([EXIM, "-C", self.folder / "exim.conf", "-bdf", "-odi"], stdin=subprocess.DEVNULL,
                                        stdout=open(self.folder / "out", "ab"), stderr=subprocess.STDOUT)

        def answers():
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return True
            except OSError:
                return False
        wait_for(f"Exim on port {self.port}: {self.folder / 'out'}", answers)
        return self

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def mails(self):
        """Every mail in the box, oldest first."""
        new = self.folder / "mail" / "new"
        files = sorted(new.iterdir(), key=lambda f: f.stat().st_mtime_ns) if new.exists() else []
        return [email.message_from_bytes(f.read_bytes(), policy=email.policy.default) for f in files]


class Script(threading.Thread):
    """A server that answers each connection by the next of its behaviours; the last one goes on for ever.

    Behaviours: "take", "4xx", "5xx", "close in data" (after the text came, before the answer), "drop" (at once), "silent".
    """

    def __init__(self, *behaviours):
        super().__init__(daemon=True)
        self.behaviours, self.taken, self.connections = list(behaviours), [], 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.held = []
        self.start()

    def run(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            behaviour = self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]
            threading.Thread(target=self.serve, args=(peer, behaviour), daemon=True).start()

    def serve(self, peer, behaviour):
        if behaviour == "drop":
            peer.close()
            return
        if behaviour == "silent":
            self.held.append(peer)
            return
        lines = peer.makefile("rwb")

        def say(text):
            lines.write(text.encode() + b"\r\n")
            lines.flush()
        try:
            say("220 script")
            while line := lines.readline():
                verb = line.split()[0].upper() if line.split() else b""
                if verb in (b"EHLO", b"HELO"):
                    say("250 script")
                elif verb == b"RCPT" and behaviour in ("4xx", "5xx"):
                    say("451 later" if behaviour == "4xx" else "550 no such person")
                elif verb == b"DATA":
                    say("354 go on")
                    text = b""
                    while (more := lines.readline()) and more != b".\r\n":
                        text += more
                    if behaviour == "close in data":
                        self.taken.append(email.message_from_bytes(text, policy=email.policy.default))
                        peer.shutdown(socket.SHUT_RDWR)
                        return
                    self.taken.append(email.message_from_bytes(text, policy=email.policy.default))
                    say("250 taken")
                elif verb == b"QUIT":
                    say("221 bye")
                    return
                else:
                    say("250 yes")
        except OSError:
            pass
        finally:
            peer.close()

    def stop(self):
        self.socket.close()
