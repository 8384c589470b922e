"""The notifier by itself: a real mail server up, down and slow; crashes; hostile text. Promises R13 (mail) and M1."""
import http.server
import json
import os
import random
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

import mailserver
from conftest import BUILD, ENV, wait_for
from protobuf import frame, pack, receive, unpack

QUEUED, SENT, RETRYING, GIVEN_UP = range(4)


class Notifier:
    """The real program on one end of a socket pair; we are the collector on the other."""

    def __init__(self, folder, mail=None, webhooks=""):
        self.folder, self.process = folder, None
        self.config = folder / "collector.yaml"
        self.config.write_text("notify:\n  retry-min: 2s\n  retry-max: 2min\n" + (f"  mail: {mail}\n" if mail else "") + webhooks)

    def start(self):
        ours, theirs = socket.socketpair()
        self.process = subprocess.Popen(
            [BUILD / "collector/notify/beadle-notifier", "--config", self.config, "--queue", self.folder / "queue", "--fd",
             str(theirs.fileno())], pass_fds=[theirs.fileno()], env=ENV, stderr=open(self.folder / "log", "ab"))
        theirs.close()
        self.socket = ours
        return self

    def send(self, id, to=("chen@school.example",), subject="磁碟已滿", text="web1: 91.2 %", channel="mail", json=b"{}"):
        notice = pack((1, id), (2, channel), *[(3, t) for t in to], (4, subject), (5, text), (6, json), (7, 12))
        self.socket.sendall(frame(pack((4, notice))))

    def hear(self, id, *states, timeout=60):
        """Waits until the notifier says one of the states of that notice."""
        end = time.monotonic() + timeout
        while True:
            body = receive(self.socket, max(0.1, end - time.monotonic()))
            assert body is not None, "the notifier ended: " + (self.folder / "log").read_text()
            told = unpack(unpack(body)[5][0])
            if told[1][0].decode() == id and told.get(2, [0])[0] in states:
                return told.get(3, [b""])[0].decode()

    def stop(self):
        self.socket.close()
        assert self.process.wait(20) == 0, (self.folder / "log").read_text()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.socket.close()


def plain(port):
    return f"{{server: 127.0.0.1, port: {port}, security: none, from: beadle@school.example}}"


@pytest.fixture
def exim(tmp_path):
    reason = mailserver.can_run()
    if reason:
        pytest.skip(reason)
    server = mailserver.Exim(tmp_path / "exim")
    yield server
    server.stop()


def with_exim(folder, server):
    password = folder / "password"
    password.write_text(server.password + "\n")
    password.chmod(0o600)
    return Notifier(folder, f"{{server: localhost, port: {server.port}, security: starttls, user: beadle, "
                            f"password-file: {password}, from: beadle@school.example, ca: {server.ca}}}")


def test_r13_a_notice_reaches_a_real_mailbox(tmp_path, exim):
    exim.start()
    n = with_exim(tmp_path, exim).start()
    n.send("12-chen-1-new-mail")
    n.hear("12-chen-1-new-mail", SENT)
    mail, = wait_for("one mail", exim.mails)
    assert mail["To"] == "chen@school.example" and mail["Subject"] == "磁碟已滿"
    assert mail.get_content().strip() == "web1: 91.2 %"
    assert mail["Message-ID"] == "<beadle.12-chen-1-new-mail@school.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    n.stop()


def test_r13_a_server_that_is_down_gets_it_later(tmp_path, exim):
    n = with_exim(tmp_path, exim).start()
    n.send("1-a-1-new-mail")
    n.hear("1-a-1-new-mail", RETRYING)
    exim.start()
    n.hear("1-a-1-new-mail", SENT)
    assert len(wait_for("one mail", exim.mails)) == 1
    n.stop()


def test_r13_a_certificate_of_nobody_gets_nothing(tmp_path, exim):
    """The server must be the one whose authority is named: no password goes to another."""
    exim.start()
    n = with_exim(tmp_path, exim)
    n.config.write_text(n.config.read_text().replace(f"ca: {exim.ca}", "ca: /etc/ssl/certs/ca-certificates.crt"))
    n.start()
    n.send("1-a-1-new-mail")
    said = n.hear("1-a-1-new-mail", RETRYING)
    assert exim.mails() == [] and ("SSL" in said or "certificate" in said)
    assert "secret" not in (tmp_path / "log").read_text()
    n.stop()


@pytest.mark.parametrize("trouble", ["4xx", "5xx", "drop", "close in data"])
def test_r13_trouble_once_is_no_loss(tmp_path, trouble):
    server = mailserver.Script(trouble, "take")
    n = Notifier(tmp_path, plain(server.port)).start()
    n.send("7-a-1-new-mail")
    n.hear("7-a-1-new-mail", RETRYING)
    n.hear("7-a-1-new-mail", SENT)
    ids = [m["Message-ID"] for m in server.taken]
    assert set(ids) == {"<beadle.7-a-1-new-mail@school.example>"}
    assert len(ids) == (2 if trouble == "close in data" else 1)
    n.stop()
    server.stop()


def test_r13_a_slow_server_holds_up_no_webhook(tmp_path):
    """The mail server says nothing at all; the webhook's place is another."""
    server = mailserver.Script("silent")
    n = Notifier(tmp_path, plain(server.port), '  webhooks: {chat: {url: "https://127.0.0.1:1/"}}\n').start()
    for i in range(6):
        n.send(f"{i}-a-1-new-mail")
    n.send("9-chat-1-new-webhook", to=("chat",), channel="webhook")
    n.hear("9-chat-1-new-webhook", RETRYING, timeout=20)    # nobody listens there, and that is told at once
    n.kill()
    server.stop()


def test_a_webhook_is_posted_over_tls_with_its_header(tmp_path):
    """To the server whose authority is named, and to no other; anything but 2xx is tried again."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                    tmp_path / "key.pem", "-out", tmp_path / "cert.pem", "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    posts, answers = [], [500, 204]

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            posts.append((self.path, dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(answers.pop(0))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass
    server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (tmp_path / "header").write_text("Authorization: Bearer canary\n")
    (tmp_path / "header").chmod(0o600)
    url = f"https://localhost:{server.server_address[1]}"
    n = Notifier(tmp_path, webhooks=f"""\
  webhooks:
    chat: {{url: "{url}/hook", header-file: {tmp_path}/header, ca: {tmp_path}/cert.pem}}
    stranger: {{url: "{url}/stranger"}}
""").start()
    n.send("1-chat-1-new-webhook", to=("chat",), channel="webhook", json='{"asset":"web1","state":"危急"}'.encode())
    assert "500" in n.hear("1-chat-1-new-webhook", RETRYING)
    n.hear("1-chat-1-new-webhook", SENT)
    assert [p[0] for p in posts] == ["/hook", "/hook"]
    assert json.loads(posts[1][2]) == {"asset": "web1", "state": "危急"}
    assert posts[1][1]["Content-Type"] == "application/json" and posts[1][1]["Authorization"] == "Bearer canary"
    n.send("2-stranger-1-new-webhook", to=("stranger",), channel="webhook")
    n.hear("2-stranger-1-new-webhook", RETRYING)
    n.send("3-nobody-1-new-webhook", to=("nobody",), channel="webhook")
    n.hear("3-nobody-1-new-webhook", GIVEN_UP)
    assert len(posts) == 2
    n.kill()
    server.shutdown()


def test_r13_killed_at_any_moment_every_notice_is_mailed_and_at_most_one_twice_a_kill(tmp_path):
    server = mailserver.Script("take")
    n = Notifier(tmp_path, plain(server.port)).start()
    chance = random.Random(13)
    sent, kills = [], 12
    for round in range(kills):
        for i in range(3):
            sent.append(f"{round}-{i}-1-new-mail")
            n.send(sent[-1])
        for id in sent[-3:]:
            n.hear(id, QUEUED, SENT)
        time.sleep(chance.random() * 0.02)
        n.kill()
        n.start()
    wait_for("every notice mailed", lambda: {m["Message-ID"] for m in server.taken} >=
             {f"<beadle.{id}@school.example>" for id in sent}, timeout=90)
    ids = [m["Message-ID"] for m in server.taken]
    assert len(ids) - len(set(ids)) <= 4 * kills        # four may be under way when it dies
    for id in sent:                                     # and each at most once more for each kill that it lived through
        assert ids.count(f"<beadle.{id}@school.example>") <= 1 + kills - int(id.split("-")[0]), id
    n.stop()
    server.stop()


def test_r13_the_collector_that_says_it_twice_makes_no_second_mail(tmp_path):
    server = mailserver.Script("take")
    n = Notifier(tmp_path, plain(server.port)).start()
    n.send("3-a-1-new-mail")
    n.hear("3-a-1-new-mail", SENT)
    n.kill()
    n.start()
    n.send("3-a-1-new-mail")
    n.hear("3-a-1-new-mail", SENT)
    assert len(server.taken) == 1
    n.stop()
    server.stop()


def test_r06_a_full_disk_still_lets_a_notice_out(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("not proven: a small file system needs root")
    (tmp_path / "queue").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", tmp_path / "queue"], check=True)
    server = mailserver.Script("take")
    n = Notifier(tmp_path, plain(server.port))
    try:
        n.start()
        n.send("1-a-1-new-mail")
        n.hear("1-a-1-new-mail", SENT)
        with open(tmp_path / "queue" / "filler", "wb", buffering=0) as filler:
            with pytest.raises(OSError):
                while True:
                    filler.write(b"x" * 4096)
        n.send("2-a-1-new-mail")
        n.hear("2-a-1-new-mail", SENT)
        assert len(server.taken) == 2
        n.stop()
    finally:
        if n.process.poll() is None:
            n.kill()
        subprocess.run(["umount", "-l", tmp_path / "queue"], check=True)
        server.stop()


HOSTILE = [
    "line\r\nBcc: thief@elsewhere.example", "line\nTo: thief@elsewhere.example", "\r\n.\r\nMAIL FROM:<x@y>", "nul\0nul", "x" * 4000,
    "=?UTF-8?B?QmNjOg==?=", "<script>alert(1)</script>", "磁碟" * 300, "\x1b[2J", "a,b;c<d>e@f", "\u202egnp.exe", ".", "",
]


def test_m01_names_add_no_header_and_no_recipient(tmp_path):
    server = mailserver.Script("take")
    n = Notifier(tmp_path, plain(server.port)).start()
    for i, text in enumerate(HOSTILE):
        n.send(f"{i}-a-1-new-mail", subject=text.replace("\0", " "), text=text.replace("\0", " "))
        n.hear(f"{i}-a-1-new-mail", SENT)
    by_id = {m["Message-ID"]: m for m in server.taken}
    expected = ["Date", "From", "To", "Subject", "Message-ID", "Auto-Submitted", "X-Beadle-Incident", "MIME-Version",
                "Content-Type", "Content-Transfer-Encoding"]
    for i, text in enumerate(HOSTILE):
        mail = by_id[f"<beadle.{i}-a-1-new-mail@school.example>"]
        assert mail.keys() == expected
        assert mail["To"] == "chen@school.example" and mail["From"] == "Beadle <beadle@school.example>"
        assert mail.get_payload(decode=True).decode().rstrip("\r\n") == text.replace("\0", " ").rstrip("\r\n")
        assert all(len(line) <= 998 for line in mail.as_bytes().split(b"\n"))
    n.stop()
    server.stop()


@pytest.mark.parametrize("address", [
    "chen", "@school.example", "chen@", "a b@school.example", "a@school.example\r\nBcc: x@y", "a@school.example, b@y.example",
    "<a@school.example>", "a@school.example>", '"a"@school.example', "-oQ/tmp@school.example", "a@b..c", "陳@school.example",
    "a" * 65 + "@school.example"])
def test_m01_what_is_no_address_is_not_mailed(tmp_path, address):
    server = mailserver.Script("take")
    n = Notifier(tmp_path, plain(server.port)).start()
    n.send("1-a-1-new-mail", to=(address,))
    assert "not a mail address" in n.hear("1-a-1-new-mail", GIVEN_UP)
    assert server.taken == []
    n.stop()
    server.stop()


def test_c03_secrets_stay_out_of_arguments_environment_and_log(tmp_path):
    (tmp_path / "password").write_text("canary-of-the-password\n")
    (tmp_path / "password").chmod(0o600)
    n = Notifier(tmp_path, f"{{server: 127.0.0.1, port: 1, security: starttls, user: beadle, password-file: {tmp_path}/password, "
                           "from: beadle@school.example}").start()
    n.send("1-a-1-new-mail")
    n.hear("1-a-1-new-mail", RETRYING)
    pid = n.process.pid
    for name in ("cmdline", "environ"):
        assert b"canary" not in open(f"/proc/{pid}/{name}", "rb").read()
    n.stop()
    assert "canary" not in (tmp_path / "log").read_text()


def test_c01_a_password_that_others_can_read_is_refused(tmp_path):
    (tmp_path / "password").write_text("x\n")
    (tmp_path / "password").chmod(0o644)
    n = Notifier(tmp_path, f"{{server: m.example, user: b, password-file: {tmp_path}/password, from: b@school.example}}").start()
    assert n.process.wait(10) == 1
    assert f"{n.config}:4: password-file: {tmp_path}/password can be read by others" in (tmp_path / "log").read_text()
