"""beadle-collector, the launcher: what it starts, what it starts again, how it ends, and what it refuses."""
import contextlib
import os
import pwd
import re
import signal
import socket
import sqlite3
import ssl
import struct
import subprocess
import time

import pytest

from conftest import ENV, Program, wait_for
from crc32c import seal
from passable import passable
from school import COLLECTOR, Site

NAMES = {"beadle-collect", "beadle-signer", "beadle-notifier", "beadle-web"}
NOTIFY = 'notify: {mail: {server: 127.0.0.1, port: 1, security: none, from: "beadle@school.example"}}'


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    s = Site(tmp_path_factory.mktemp("l"), people="{admin: {name: A, mail: a@school.example}}", notify=NOTIFY)
    try:
        s.start()
        yield s
    finally:
        s.stop()


def child(site, name):
    """Its process id; programs of the build tree run under libtool's name."""
    return next((pid for pid, exe in site.collector.children().items() if exe in (name, "lt-" + name)), None)


def dashboard(site):
    context = ssl.create_default_context(cafile=site.state / "web/root.pem")
    try:
        with context.wrap_socket(socket.create_connection(("127.0.0.1", site.web_port), 10), server_hostname="localhost") as s:
            s.sendall(b"GET /api/v1/whoami HTTP/1.1\r\nHost: localhost\r\nCookie: __Host-beadle=none\r\n\r\n")
            return int(s.recv(64).split()[1])
    except OSError:
        return None


def works(site, tag):
    """Every process does its part: 401 comes from the collector proper, an identity from the signer."""
    wait_for("the dashboard asks the collector", lambda: dashboard(site) == 401, 60)

    def signs():
        done = subprocess.run([ENV.get("BEADLE", str(COLLECTOR.parents[2] / "cli/beadle")), "--socket", site.socket, "identity", "new",
                               "--host", tag, "--out", site.folder / f"identity-{tag}"], env=ENV, capture_output=True)
        return done.returncode == 0
    wait_for("the signer signs", signs, 60)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_r02_whoever_is_killed_comes_back_and_works(site, name):
    before = wait_for(name, lambda: child(site, name), 60)
    collect = child(site, "beadle-collect")
    os.kill(before, signal.SIGKILL)
    wait_for(f"another {name}", lambda: child(site, name) not in (None, before), 60)
    works(site, name)
    assert "was ended by signal 9" in site.collector.text()
    if name != "beadle-collect":      # the intake does not notice
        assert child(site, "beadle-collect") == collect


def test_one_collector_a_state_folder(site):
    done = subprocess.run([COLLECTOR, "--config", site.config], env=ENV, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "another collector is at work here" in done.stderr
    works(site, "still")


def test_init_again_changes_nothing(site):
    keys = {p: p.read_bytes() for p in site.state.glob("*/*.pem")}
    done = subprocess.run([COLLECTOR, "--config", site.config, "init"], env=ENV, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "one-time password" not in done.stdout
    assert keys == {p: p.read_bytes() for p in site.state.glob("*/*.pem")}
    works(site, "again")


def test_each_holds_its_own_secrets_only(site):
    if os.geteuid() != 0 or child(site, "beadle-signer") is None:
        pytest.skip("not proven: users of their own need root")
    users = {name: os.stat(f"/proc/{child(site, name)}").st_uid for name in NAMES - {"beadle-signer"}}
    if 0 in users.values():
        pytest.skip("not proven: the users beadle-collector, beadle-web, beadle-notify, beadle-signer are missing")
    assert len(set(users.values())) == len(users)
    keys = [*site.state.glob("*/*.key"), *site.state.glob("*/key.pem"), *site.state.glob("store/*.db")]
    assert len(keys) >= 5
    for name, uid in users.items():
        seen = {f"{p.parent.name}/{p.name}" for p in keys
                if subprocess.run(["cat", p], user=uid, group=uid, extra_groups=[], capture_output=True).returncode == 0}
        folders = {"beadle-collect": {"identity", "store"}, "beadle-web": {"web"}, "beadle-notifier": set()}[name]
        assert seen == {f"{p.parent.name}/{p.name}" for p in keys if p.parent.name in folders}, name


def test_c1_a_wrong_configuration_is_refused_with_its_line(site, tmp_path):
    passable(tmp_path)
    text = site.config.read_text().replace("language: zh-TW", "langauge: zh-TW")
    (tmp_path / "collector.yaml").write_text(text)
    (tmp_path / "procedure.yaml").write_text((site.folder / "procedure.yaml").read_text())
    for arguments in ([], ["--check-config"]):
        done = subprocess.run([COLLECTOR, "--config", tmp_path / "collector.yaml", *arguments], env=ENV, capture_output=True, text=True,
                              timeout=60)
        assert done.returncode == 1
        assert "collector.yaml:" in done.stderr and "langauge" in done.stderr and "language" in done.stderr
        assert "listening" not in done.stderr


def status(pid):
    return dict(line.rstrip("\n").split(":\t", 1) for line in open(f"/proc/{pid}/status") if ":\t" in line)


@pytest.mark.skipif(os.geteuid() != 0, reason="not proven: the users need root")
def test_p06_whoever_parses_holds_nothing(tmp_path):
    """The file is a pipe that nobody writes to, so that who reads it can be looked at while it does."""
    passable(tmp_path)
    config = tmp_path / "collector.yaml"
    os.mkfifo(config)
    config.chmod(0o644)
    launcher = Program([COLLECTOR, "--config", config], tmp_path / "out").start()
    try:
        def reading():
            filters = int(status(launcher.process.pid)["Seccomp_filters"])         # which it inherits
            return next((p for p, name in launcher.children().items() if name == "beadle-setup" and int(status(p)["Seccomp_filters"]) > filters), None)
        now = status(wait_for("who reads", reading))
        assert set(now["Uid"].split()) == {str(pwd.getpwnam("beadle-collector").pw_uid)}
        assert {int(now[c], 16) for c in ("CapPrm", "CapEff", "CapInh", "CapBnd", "CapAmb")} == {0} and now["NoNewPrivs"] == "1"
        powers = int(status(launcher.process.pid)["CapBnd"], 16)
        assert not powers & (1 << 21 | 1 << 12 | 1 << 16 | 1 << 19), "CAP_SYS_ADMIN, NET_ADMIN, SYS_MODULE or SYS_PTRACE"
    finally:
        launcher.kill()


def test_p06_who_was_taken_over_while_it_parsed_gets_no_further(site, tmp_path):
    """In place of beadle-setup something that hands up what it likes: well-formed settings are taken, no others."""
    setup = tmp_path / "collector/setup/beadle-setup"
    setup.parent.mkdir(parents=True)

    def start(length=None, family=socket.AF_INET, hosts=1):
        address = struct.pack("=HHI120x", family, 0, 0)
        record = struct.pack("256s64s64s4096sN", b"/nowhere", b"a", b"b", b"localhost", hosts) + 3 * address
        setup.write_text(f"#!/usr/bin/python3\nimport socket\nsocket.socket(fileno=3).send({record[:length]!r})\n")
        setup.chmod(0o755)
        done = subprocess.run([COLLECTOR, "--config", "none"], env={**ENV, "BEADLE_LIBEXEC": str(tmp_path)}, capture_output=True, text=True)
        assert done.returncode == 1
        return done.stderr
    assert "/nowhere: No such file or directory" in start()
    assert "impossible address" in start(family=socket.AF_UNIX)
    assert "impossible number of hosts" in start(hosts=17)
    assert "beadle-setup start: Protocol error" in start(length=-1)


def test_a_restart_says_how_long_it_was_away(site):
    def since(start):
        site.collector.stop(60)
        start()
        site.start()
        return re.findall("the collector was away for (.*): the gap", site.collector.text())
    said = since(lambda: None)
    assert since(lambda: None) == said, "it was away for an instant"
    assert since(lambda: None) == said

    def long_ago():
        with contextlib.closing(sqlite3.connect(site.state / "store/main.db")) as db:
            db.execute("update setting set json = ? where key = 'alive'", (str(time.time_ns() - 600 * 10**9),))
            db.commit()
        seal(site.state / "store/main.db")
    assert since(long_ago) == said + ["10 min"]
    assert since(lambda: None) == said + ["10 min"]


def test_sigterm_ends_all_of_it(site):
    pids = list(site.collector.children())
    assert len(pids) >= 4
    assert site.collector.stop(60) == 0
    assert not [p for p in pids if os.path.exists(f"/proc/{p}")]
