"""What holds each process, from outside: plugins under a real agent."""
import errno
import json
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from conftest import BUILD, ENV, lives, wait_for
from school import BEADLE, CALM, Site

BAD = BUILD / "tests/plugins/bad"


def status(pid):
    """What the kernel says of it."""
    with open(f"/proc/{pid}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


@pytest.fixture(scope="module", autouse=True)
def modules():
    if not all((BAD / f"{n}.so").exists() for n in ("thief", "apple")):
        subprocess.run(["make", "-s", "-C", BUILD, "tests/plugins/bad/thief.so", "tests/plugins/bad/apple.so"], check=True)


def test_p06_a_plugin_that_tries_is_a_finding(tmp_path):
    """It gets nothing of the agent that runs it; what it was refused is on the screen, with its name; the others miss no beat."""
    site = Site(tmp_path).start()
    agent = site.agent("web1", {}, extra=f"plugins: [{BAD}, {BUILD}/plugins/disk]")
    agent.program.env.pop("BEADLE_WALLS")       # as in use
    folder = agent.folder
    checks = {"good": ("apple", "1s", ""), "disk": ("disk", "1s", 'mounts: "/"')}
    for name, misdeed, target in [("key", "read", folder / "identity/key.pem"), ("spool", "list", folder / "state/core/measurements"),
                                  ("index", "write", folder / "state/plugins.index"), ("other", "list", folder / "state/plugins/apple"),
                                  ("others", "write", folder / "state/plugins/apple/new")]:
        checks[name] = ("thief", "1s", f'misdeed: {misdeed}, target: "{target}"')
    agent.configure(checks, extra=f"plugins: [{BAD}, {BUILD}/plugins/disk]")
    agent.start()
    try:
        def results(check):
            found = [c for c in site.ask("hosts", "web1")["checks"] if c["name"] == check] if site.ask("hosts")["hosts"] else []
            return {s["metric"]: s["value"] for c in found for s in c["series"] if s["value"] is not None}
        for name in ("key", "spool", "index", "other", "others"):
            assert wait_for(f"what {name} got", lambda: results(name))["thief_errno"] == errno.EACCES
        core = next(p for p, name in agent.program.children().items() if name == "beadle-core")
        for name, misdeed in ("signal", "signal"), ("ptrace", "ptrace"), ("mount", "mount"):
            checks[name] = ("thief", "1s", f'misdeed: {misdeed}, target: "{core}"')
        agent.configure(checks, extra=f"plugins: [{BAD}, {BUILD}/plugins/disk]")
        os.kill(agent.program.process.pid, signal.SIGHUP)
        for name in ("signal", "ptrace", "mount"):
            assert wait_for(f"what {name} got", lambda: results(name))["thief_errno"] == errno.EPERM
        assert lives(core)

        def failing(check):
            return [f for i in site.ask("incidents")["incidents"] for f in site.ask("incident", i["id"])["findings"]
                    if f["check"] == check]
        finding = wait_for("the finding", lambda: failing("mount"))[0]
        assert finding["rule"] == "check_failed" and finding["what"].startswith("system calls refused to the plugin: "), finding
        assert {"ptrace", "mount"} & set(re.split("[ ,]+", finding["what"]))
        states = {c["name"]: c["state"] for c in site.ask("hosts", "web1")["checks"]}
        assert states["disk"] == states["good"] == "ok", json.dumps([c for c in site.ask("hosts", "web1")["checks"] if c["name"] in ("disk", "good")])
        site.stop()
    finally:
        site.collector.kill()
        agent.kill()


def test_p06_a_granted_file_that_is_replaced_stays_open(tmp_path):
    """As pid files, password tables and logs are. Walls are about files, not names: the host is started anew."""
    folder = tmp_path / "files"
    folder.mkdir()
    for name in "replaced", "outlived":
        (folder / name).write_text("1")
        (folder / name).chmod(0o644)
    site = Site(tmp_path).start()
    agent = site.agent("web1", {}, extra=f"plugins: [{BAD}]")
    (agent.folder / "agent.d/checks.yaml").write_text("checks:\n" + "".join(
        f'  {name}: {{plugin: thief, interval: 300ms, options: {{misdeed: read, target: "{folder}/{name}"}}, grant: ["read:{folder}/{name}"]}}\n'
        for name in ("replaced", "new", "outlived")))
    agent.start()

    def got(check):
        found = [c for c in site.ask("hosts", "web1")["checks"] if c["name"] == check] if site.ask("hosts")["hosts"] else []
        return [s["value"] for c in found for s in c["series"] if s["value"] is not None]
    try:
        wait_for("what they got", lambda: (got("replaced"), got("new"), got("outlived")) == ([0], [errno.ENOENT], [0]))
        (folder / "other").write_text("2")
        (folder / "other").chmod(0o644)
        (folder / "other").rename(folder / "replaced")
        for _ in range(10):
            time.sleep(0.15)
            assert got("replaced") == [0]
        (folder / "outlived").unlink()
        (folder / "new").write_text("3")
        (folder / "new").chmod(0o644)
        wait_for("what they get now", lambda: (got("new"), got("outlived")) == ([0], [errno.ENOENT]))
        assert "check " not in agent.program.text() and "between its rounds" not in agent.program.text()
        site.stop()
    finally:
        site.collector.kill()
        agent.kill()


LAUNCHERS = {"beadle-agent", "beadle-collector", "beadle-host"}       # and the template: each with what it hands on
HELD = {"beadle-core", "beadle-collect", "beadle-signer", "beadle-notifier", "beadle-web", "plugin disk"}


# Puts a filter up that lets everything through, as a launcher's does for what it starts; then starts a program that puts up none.
BARE = r"""
import ctypes, os, pwd, struct, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
allow = ctypes.create_string_buffer(struct.pack("=HBBI", 6, 0, 0, 0x7fff0000))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.create_string_buffer(struct.pack("@HP", 1, ctypes.addressof(allow))), 0, 0) == 0
user = {"user": "beadle-signer", "group": "beadle-signer"} if os.geteuid() == 0 else {}
child = subprocess.Popen(sys.argv[1:], extra_groups=[] if user else None, **user)
print(child.pid, flush=True)
sys.stdin.read()
child.kill()
"""


def test_p06_each_process_holds_what_it_should_and_doctor_shows_it(tmp_path):
    """Read from the kernel, by us and by `beadle doctor`; one that is not held is found."""
    site = Site(tmp_path).start()
    agent = site.agent("web1", CALM).start()
    (tmp_path / "beadle-signer").write_bytes(pathlib.Path("/bin/sleep").read_bytes())
    (tmp_path / "beadle-signer").chmod(0o755)

    def shown():
        done = subprocess.run([BEADLE, "doctor", "--json", "--collector-config", site.config, "--agent-config", agent.folder / "agent.yaml"],
                              env=ENV, capture_output=True, text=True)
        found = [(f["level"], re.fullmatch(r"(beadle-\w+|plugin \w+) \((\d+)\): (.*)", f["what"])) for f in json.loads(done.stdout)["findings"]]
        return {(m[1], int(m[2])): (level, m[3]) for level, m in found if m}
    try:
        wait_for("a host", lambda: HELD <= {name for name, _ in shown()})
        for (name, pid), (level, what) in shown().items():
            assert level == "ok", (name, what)
            if name in HELD:
                told = status(pid)
                assert told["NoNewPrivs"] == "1" and told["Seccomp"] == "2", (name, told)
                assert what.endswith("no capability, no new privileges, system calls filtered"), (name, what)
                assert int(told["Seccomp_filters"]) > int(status(told["PPid"])["Seccomp_filters"]), "one of its own"
                if os.geteuid() == 0:
                    assert {told[f"Cap{k}"] for k in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}, (name, told)
                    assert told["Uid"].split()[0] != "0", (name, told)
            if name in LAUNCHERS:
                assert status(pid)["Seccomp"] == "2" and what.endswith("no new privileges, system calls filtered"), (name, what)
        assert LAUNCHERS <= {name for name, _ in shown()}
        users = [status(pid)["Uid"] for (name, pid) in shown() if name in HELD]
        assert os.geteuid() != 0 or len(set(users)) == len(users)
        with subprocess.Popen([tmp_path / "beadle-signer", "100"]) as loose:
            why = "runs as root, not as beadle-signer" if os.geteuid() == 0 else "could gain privileges (no_new_privs is not set)"
            assert shown()["beadle-signer", loose.pid] == ("critical", why)
            loose.kill()
        with subprocess.Popen(["/usr/bin/python3", "-c", BARE, tmp_path / "beadle-signer", "100"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as parent:
            bare = int(parent.stdout.readline())
            assert shown()["beadle-signer", bare] == ("critical", "may make every system call that its parent may (it has no filter of its own)")
            parent.stdin.close()
        site.stop()
    finally:
        site.collector.kill()
        agent.kill()


def test_p06_an_identity_that_comes_later_is_seen(tmp_path):
    """The walls of the core are around the folder that there was."""
    site = Site(tmp_path).start()
    agent = site.agent("web1", CALM)
    (agent.folder / "identity").rename(agent.folder / "carried")
    agent.start()
    try:
        wait_for("it says so", lambda: "identity/" in agent.program.text())
        (agent.folder / "carried").rename(agent.folder / "identity")
        os.kill(agent.program.process.pid, signal.SIGHUP)       # as root: it is given to the core's user
        wait_for("it is there", lambda: site.ask("hosts")["hosts"] and site.ask("hosts", "web1")["checks"])
        assert "is another folder than at the start" in agent.program.text()
        site.stop()
    finally:
        site.collector.kill()
        agent.kill()
