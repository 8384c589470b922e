"""service: systemd units under a real, booted systemd; processes and endpoints on this machine."""
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

import container
from passable import passable

SLEEP = "[Service]\nExecStart=/bin/sleep infinity\n"
WANTED = "[Install]\nWantedBy=multi-user.target\n"


@pytest.fixture(scope="module")
def systemd(tmp_path_factory):
    c = container.Container(container.image(), tmp_path_factory.mktemp("container") / "log")
    try:
        c.wait()
        yield c
    finally:
        c.stop()


def until(what, seconds=30):
    deadline = time.monotonic() + seconds
    while not (result := what()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)
    return result


# ---- units ----

def test_units_in_every_state(check, systemd):
    systemd.unit("good.service", SLEEP + WANTED, "enable", "start")
    systemd.unit("bad.service", "[Service]\nExecStart=/bin/false\n", "start")
    systemd.unit("idle.service", SLEEP)
    systemd.unit("done.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n", "start")
    systemd.unit("starting.service", "[Service]\nType=oneshot\nTimeoutStartSec=infinity\nExecStart=/bin/sleep 600\n")
    systemd.run("systemctl", "start", "--no-block", "starting.service")
    units = [f"{u}.service" for u in ("good", "bad", "idle", "done", "starting", "no-such")]
    until(lambda: "failed" in systemd.run("systemctl", "is-active", "bad.service", fails=True))
    r = check("service", units=units, inside=systemd)
    assert r.outcome == "ok", r.document
    of = lambda metric: [r.value(metric, service=u) for u in units]
    assert of("service_state") == [0, 4, 3, 0, 1, 5]
    assert of("service_up") == [1, 0, 0, 1, 0, 0]
    assert of("service_restarts") == [0, 0, 0, 0, 0, None]
    assert r.fact("service_detail", service="good.service") == "active (running), enabled, last result success"
    assert "last result exit-code" in r.fact("service_detail", service="bad.service")
    assert r.fact("service_detail", service="no-such.service").startswith("not-found")
    systemd.run("systemctl", "stop", "starting.service")
    systemd.run("systemctl", "reset-failed")


def test_restarts_are_counted(check, systemd):
    systemd.unit("loop.service", SLEEP + "Restart=always\nRestartSec=50ms\n", "start")
    restarts = lambda: check("service", units="loop.service", inside=systemd).value("service_restarts")
    assert restarts() == 0
    for n in (1, 2):
        systemd.run("systemctl", "kill", "--signal=KILL", "loop.service")
        until(lambda: restarts() == n)
    systemd.run("systemctl", "stop", "loop.service")


def test_enabled_but_dead(check, systemd):
    ask = lambda: check("service", enabled_dead="yes", inside=systemd)
    r = ask()
    assert r.outcome == "ok" and r.value("service_enabled_dead") == 0, r.document

    # In order, though none of them runs.
    systemd.unit("work.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n" + WANTED, "enable", "start")
    systemd.unit("elsewhere.service", "[Unit]\nConditionPathExists=/nonexistent\n" + SLEEP + WANTED, "enable", "start")
    systemd.unit("screen.service", SLEEP + "[Install]\nWantedBy=rescue.target suspend.target\n", "enable")
    systemd.unit("called.socket", "[Socket]\nListenStream=/run/called\n[Install]\nWantedBy=sockets.target\n")
    systemd.unit("called.service", SLEEP + WANTED, "enable")
    systemd.run("systemctl", "enable", "--now", "called.socket")
    systemd.unit("template@.service", SLEEP + WANTED, "enable")
    assert ask().value("service_enabled_dead") == 0, ask().fact("service_enabled_dead")

    systemd.unit("stopped.service", SLEEP + WANTED, "enable", "start", "stop")
    systemd.unit("broken.service", "[Service]\nExecStart=/bin/false\n" + WANTED, "enable", "start")
    until(lambda: ask().value("service_enabled_dead") == 2)
    assert sorted(ask().fact("service_enabled_dead").split()) == ["broken.service", "stopped.service"]
    systemd.run("systemctl", "start", "stopped.service")
    systemd.run("systemctl", "disable", "broken.service")
    assert ask().value("service_enabled_dead") == 0 and ask().fact("service_enabled_dead") == "none"


def test_no_privilege_is_needed(check, systemd):
    systemd.unit("good.service", SLEEP + WANTED, "enable", "start")
    r = check("service", units="good.service", enabled_dead="yes", user=65534, inside=systemd)
    assert r.outcome == "ok" and r.value("service_up", service="good.service") == 1, r.document


def test_without_systemd_nothing_is_claimed(check, tmp_path):
    r = check("service", units="ssh.service", bus=tmp_path / "none")
    assert r.value("service_up") is None and r.skips and r.outcome == "partial"
    if not os.path.isdir("/run/systemd/system"):
        r = check("service", enabled_dead="yes", bus=tmp_path / "none")
        assert r.outcome == "ok" and r.fact("service_enabled_dead") == "systemd does not run here"


# ---- processes ----

@pytest.fixture
def sleeper(tmp_path):
    """A real process of a program that no other runs."""
    program = tmp_path / "beadle-test-sleeper"
    shutil.copy(shutil.which("sleep"), program)
    process = subprocess.Popen([program, "600"])
    until(lambda: os.readlink(f"/proc/{process.pid}/exe") == str(program))
    yield process, program
    process.kill()
    process.wait()


@pytest.mark.parametrize("grant", [[], ["procscan"]])
def test_processes_by_executable_and_pid_file(check, sleeper, tmp_path, grant):
    process, program = sleeper
    pidfile = tmp_path / "sleeper.pid"
    pidfile.write_text(f"{process.pid}\n")
    lines = [f"any exe={program}", f"mine exe={program} user={os.getuid()}", f"other exe={program} user=daemon",
             f"file pidfile={pidfile}", f"both pidfile={pidfile} exe={program}", f"wrong pidfile={pidfile} exe=/bin/cat"]
    r = check("service", processes=lines, grant=grant)
    assert r.outcome == "ok", r.document
    assert [r.value("service_up", service=s) for s in ("any", "mine", "other", "file", "both", "wrong")] == [1, 1, 0, 1, 1, 0]
    assert [r.value("service_processes", service=s) for s in ("any", "mine", "other", "file")] == [1, 1, 0, None]
    # An update replaced the program: the old one still runs.
    program.unlink()
    assert check("service", processes=lines, grant=grant).value("service_up", service="any") == 1
    process.kill()
    process.wait()
    r = check("service", processes=lines, grant=grant)
    assert [r.value("service_up", service=s) for s in ("any", "mine", "file", "both")] == [0, 0, 0, 0]


def test_others_processes_are_told_by_name(check, sleeper):
    if os.geteuid() != 0:
        pytest.skip("not proven: only root can be another user")
    process, program = sleeper
    r = check("service", processes=[f"sleeper exe={program}", f"other exe={program}x"], user=65534)
    assert r.value("service_up", service="sleeper") == 1
    # Longer names differ beyond what the kernel keeps; a pid file is sure.


def test_a_pid_file_that_is_closed_to_us(check, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("not proven: only root can be another user")
    (tmp_path / "x.pid").write_text("1\n")
    (tmp_path / "x.pid").chmod(0o600)
    passable(tmp_path)
    r = check("service", processes=[f"x pidfile={tmp_path}/x.pid", "y pidfile=/nonexistent"], user=65534)
    assert f"{tmp_path}/x.pid" in r.skips and r.value("service_up", service="x") is None
    assert r.value("service_up", service="y") == 0


# ---- endpoints ----

class Server:
    """Answers each line with what it is told to, after a delay."""

    def __init__(self, family, address, answer, delay=0):
        self.listener = socket.socket(family)
        self.listener.bind(address)
        self.listener.listen(5)
        self.answer, self.delay = answer, delay
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                c, _ = self.listener.accept()
            except OSError:
                return
            c.settimeout(10)
            c.recv(100)
            time.sleep(self.delay)
            c.sendall(self.answer)
            c.close()


def test_endpoints(check, tmp_path):
    good = Server(socket.AF_INET, ("127.0.0.1", 0), b"HTTP/1.1 200 OK\r\n\r\n", 0.05)
    wrong = Server(socket.AF_INET, ("127.0.0.1", 0), b"HTTP/1.1 503 No\r\n\r\n")
    local = Server(socket.AF_UNIX, str(tmp_path / "socket"), b"PONG\r\n")
    silent = socket.create_server(("127.0.0.1", 0))
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        closed = s.getsockname()[1]
    port = lambda server: server.listener.getsockname()[1]
    get = r'send="GET / HTTP/1.0\r\n\r\n" expect="HTTP/1.1 200"'
    began = time.monotonic()
    r = check("service", endpoints=[
        f"good tcp=127.0.0.1:{port(good)} {get}", f"name tcp=localhost:{port(good)} {get}",
        f"wrong tcp=127.0.0.1:{port(wrong)} {get}", rf'local unix={tmp_path}/socket send="PING\r\n" expect=PONG',
        f"silent tcp=127.0.0.1:{silent.getsockname()[1]} expect=x timeout=1s",
        f"connects tcp=127.0.0.1:{silent.getsockname()[1]}", f"closed tcp=127.0.0.1:{closed}",
        "lost tcp=no-such-host.invalid:80 timeout=2s"])
    assert time.monotonic() - began < 20
    names = ("good", "name", "wrong", "local", "silent", "connects", "closed", "lost")
    assert [r.value("service_up", service=n) for n in names] == [1, 1, 0, 1, 0, 1, 0, 0], r.document
    assert 0.05 <= r.value("service_response", service="good") < 5
    assert r.value("service_response", service="wrong") is None
    assert r.fact("service_detail", service="wrong") == "answered, but not as expected"
    assert r.fact("service_detail", service="silent") == "no expected answer in time"
    assert r.fact("service_detail", service="closed") == "Connection refused"
    assert r.fact("service_detail", service="lost") == "the host's name is not known"


class NameServer(threading.Thread):
    """Knows no name; or, silent, does not answer at all."""

    def __init__(self, address, silent):
        super().__init__(daemon=True)
        self.socket, self.silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), silent
        self.socket.bind((address, 53))
        self.start()

    def run(self):
        while True:
            try:
                question, who = self.socket.recvfrom(1500)
            except OSError:
                return
            if not self.silent:
                self.socket.sendto(question[:2] + b"\x81\x83" + question[4:6] + bytes(6) + question[12:], who)


class OtherResolver:
    """A mount namespace with an /etc/resolv.conf of its own."""

    def __init__(self, file):
        self.file = file

    def command(self, *words):
        return ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"', self.file, *words]


@pytest.mark.parametrize("silent", [False, True])
def test_a_dead_name_server_takes_no_service_down(check, tmp_path, silent):
    if os.geteuid() != 0 or not os.path.exists("/etc/resolv.conf"):
        pytest.skip("not proven: only root can have a name server of its own")
    resolver, address = OtherResolver(tmp_path / "resolv.conf"), f"127.9.9.{8 + silent}"
    resolver.file.write_text(f"nameserver {address}\noptions timeout:30 attempts:1\n")
    try:
        NameServer(address, silent)
    except OSError as e:
        pytest.skip(f"not proven: port 53: {e}")
    good = socket.create_server(("127.0.0.1", 0))
    names = [f"{n} tcp={n}.no-such-host.invalid:80 timeout=2s" for n in ("a", "b", "c", "d")]
    began = time.monotonic()
    r = check("service", around=resolver, endpoints=[*names, f"good tcp=127.0.0.1:{good.getsockname()[1]}"])
    assert r.value("service_up", service="good") == 1
    assert [r.value("service_up", service=n) for n in "abcd"] == [None if silent else 0] * 4, r.document
    assert set(r.skips) == (set("abcd") if silent else set())
    assert time.monotonic() - began < 2 + 3 * 0.25 + 5, "only the first is waited for"


# ---- options ----

@pytest.mark.parametrize("options, said", [
    ({"processes": "nginx exec=/usr/sbin/nginx"}, 'option processes: nginx: "exec" is not known here: expected exe= pidfile= user='),
    ({"endpoints": "web tcp=localhost"}, "option endpoints: web: expected tcp=HOST:PORT"),
    ({"processes": ["a exe=/a", "a exe=/b"]}, 'two services are named "a"'),
])
def test_a_wrong_line_is_refused(check, options, said):
    r = check("service", fails=True, **options)
    assert said in (r if isinstance(r, str) else r.document["error"] + r.output)
