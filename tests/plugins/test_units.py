"""The installed units under a booted systemd: an agent measures with all its plugins as the administrator will see it."""
import json
import shutil
import sqlite3
import subprocess
import time

import pytest

import container
from conftest import BUILD
from sanitized import SANITIZED

SOCKET = "/var/lib/beadle/collector/collector.sock"
PLUGINS = {"antivirus", "clock", "disk", "integrity", "patch", "service", "system"}
COLLECTOR = """\
school: trial
language: en
state: /var/lib/beadle/collector
procedure: procedure/TWVS-ISMS-B-007.yaml
listen: {agents: "127.0.0.1:7411", web: "127.0.0.1:8443"}
dashboard: [localhost]
people: {admin: {name: Admin, mail: root@localhost}}
roles: {computer_room_manager: admin}
hosts: {"*": {owner: admin}}
"""
AGENT = """\
collector: 127.0.0.1:7411
identity: /var/lib/beadle/agent/identity
state: /var/lib/beadle/agent
users: {first: 70000}
"""
WATCH = """\
collector: 127.0.0.1:7411
state: /var/lib/beadle/watch
language: en
every: 1s
to: root@localhost
mail: {server: localhost, security: none, from: beadle@localhost}
"""
SERVICE = """\
checks:
  service:
    plugin: service
    interval: 60s
    options: {units: [dbus.service], enabled_dead: yes}
"""


def install(folder):
    """The built tree as `make install` leaves it, with a configuration. Returns what its prefix became, and the prefix."""
    done = subprocess.run(["make", "-s", "-C", BUILD, "install", f"DESTDIR={folder}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    prefix = next(p for p in BUILD.joinpath("Makefile").read_text().splitlines() if p.startswith("prefix = "))[9:]
    where = folder / prefix.lstrip("/")
    (where / "etc/beadle/collector.yaml").write_text(COLLECTOR)
    (where / "etc/beadle/agent.yaml").write_text(AGENT)
    (where / "etc/beadle/watch.yaml").write_text(WATCH)
    (where / "etc/beadle/agent.d/service.yaml").write_text(SERVICE)
    return where, prefix


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    if SANITIZED:
        pytest.skip("not proven: the units limit memory and forbid what a sanitizer needs")
    image = container.image()
    folder = tmp_path_factory.mktemp("units")
    where, prefix = install(folder / "root")
    programs = [p for p in where.rglob("*") if p.is_file() and p.stat().st_mode & 0o100]
    # What the unit leaves to the launcher, a container must have first.
    c = container.Container(image, folder / "log", programs, [
        f"--bind-ro={where}:{prefix}", "--bind-ro=/usr/share/distro-info", "--capability=CAP_SYSLOG"])
    c.prefix = prefix
    try:
        c.wait()
        yield c
    finally:
        c.stop()


def start_site(c):
    """By the operators' guide: users, init, collector, identity, agent; each with the unit's own walls."""
    etc = f"{c.prefix}/etc/beadle"
    c.run("tee", "/etc/fstab", input="/dev/root / ext4 defaults 0 1\n")
    for unit in ("beadle-agent", "beadle-collector", "beadle-watch"):
        c.run("systemctl", "link", f"{c.prefix}/lib/systemd/system/{unit}.service")
    c.run("systemd-sysusers", f"{c.prefix}/lib/sysusers.d/beadle.conf")
    c.run("sh", "-c", "umask 077; exec \"$@\"", "-", f"{c.prefix}/sbin/beadle-collector", "--config", f"{etc}/collector.yaml", "init")
    c.run("systemctl", "start", "beadle-collector")
    c.run("mkdir", "-p", "/var/lib/beadle/agent")
    c.run(f"{c.prefix}/bin/beadle", "--socket", SOCKET, "identity", "new", "--host", "box", "--out", "/var/lib/beadle/agent/identity")
    c.run("systemctl", "start", "beadle-agent")


def ask(c):
    return json.loads(c.run(f"{c.prefix}/bin/beadle", "--socket", SOCKET, "--json", "hosts", "box", fails=True) or "{}")


def measured(c, seconds=40):
    """The host's document once each check has had a round."""
    deadline = time.monotonic() + seconds
    while True:
        checks = ask(c).get("checks", [])
        if {k["name"] for k in checks if k["at"]} == PLUGINS:
            return checks
        assert time.monotonic() < deadline, f"{checks}\n{c.run('journalctl', '-u', 'beadle-*', '-n', '60', fails=True)}"
        time.sleep(0.5)


def watched(c):
    """The watcher behind its unit, as a user and with an identity of its own: it works, and /proc/PID/status."""
    beadle = f"{c.prefix}/bin/beadle"
    made = json.loads(c.run(beadle, "--socket", SOCKET, "--json", "token", "new", "--host", "watcher-box", "--at", "127.0.0.1"))
    c.run(beadle, "enroll", "--watcher", "--host", "watcher-box", made["token"])
    c.run("systemctl", "start", "beadle-watch", fails=True)
    said, deadline = "", time.monotonic() + 20
    while not said and time.monotonic() < deadline:
        time.sleep(0.2)
        said = c.run("systemctl", "show", "-p", "StatusText", "--value", "beadle-watch").strip()
    assert said == "1 of 1 work", c.run("journalctl", "-u", "beadle-watch", "-n", "30", fails=True)
    pid = c.run("systemctl", "show", "-p", "MainPID", "--value", "beadle-watch").strip()
    status = dict(line.split(":\t", 1) for line in c.run("cat", f"/proc/{pid}/status").splitlines() if ":\t" in line)
    assert "denied" in c.run("setpriv", "--reuid=beadle-watch", "--clear-groups", "sh", "-c", "cat /var/lib/beadle/agent/identity/key.pem 2>&1", fails=True)
    assert "denied" in c.run("setpriv", "--reuid=beadle", "--clear-groups", "sh", "-c", "cat /var/lib/beadle/watch/identity/key.pem 2>&1", fails=True)
    c.run("systemctl", "stop", "beadle-watch")
    return status


def rounds(c, folder):
    """Every stored round: [(check, outcome, what it skipped and noted)], from a copy of the store."""
    c.run("systemctl", "stop", "beadle-agent", "beadle-collector")
    for file in ("main.db", *c.run("sh", "-c", "cd /var/lib/beadle/collector/store && ls raw-*.db").split()):
        with (folder / file).open("wb") as out:
            subprocess.run(c.command("cat", f"/var/lib/beadle/collector/store/{file}"), stdout=out, check=True)
    names = dict(sqlite3.connect(folder / "main.db").execute("select id, name from task"))
    found = []
    for file in folder.glob("raw-*.db"):
        found += [(names[t], o, e) for t, o, e in sqlite3.connect(file).execute("select task, outcome, extra from result")]
    return found


def test_all_plugins_measure_behind_the_installed_units(machine, tmp_path):
    start_site(machine)
    checks = measured(machine)
    values = {(s["metric"], tuple(sorted(s["labels"].items()))): s["value"] for k in checks for s in k["series"]}
    turned = [labels for (metric, labels), value in values.items() if metric == "disk_readonly" and value]
    assert ("disk_readonly", (("mount", "/"),)) in values and not turned
    assert ("patch_pending", ()) in values
    assert values["service_up", (("service", "dbus.service"),)] == 1
    main = machine.run("systemctl", "show", "-p", "MainPID", "--value", "beadle-agent").strip()
    bounding = next(line for line in machine.run("cat", f"/proc/{main}/status").splitlines() if line.startswith("CapBnd:"))
    for name, bit in {"cap_dac_read_search": 2, "cap_net_raw": 13, "cap_syslog": 34}.items():
        assert int(bounding.split()[1], 16) & 1 << bit, f"{name} can be granted, and the unit takes it away: {bounding}"
    status = watched(machine)
    assert status["Name"].strip() == "beadle-watch" and status["NoNewPrivs"].strip() == "1" and status["Seccomp"].strip() == "2"
    assert machine.run("id", "-nu", status["Uid"].split()[0]).strip() == "beadle-watch" and int(status["CapBnd"], 16) == 0, status
    # The container itself forbids adjtimex(2): the one thing that may be left out.
    bad = [(name, outcome, extra) for name, outcome, extra in rounds(machine, tmp_path)
           if outcome != 0 and not (name == "clock" and outcome == 1 and extra.count(b"\x42\x0c\x08\x01\x12\x08adjtimex") == 1)]
    assert not bad
