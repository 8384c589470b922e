"""A whole site in one folder: the real collector with all its processes, and real agents, on free ports."""
import collections
import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess

from conftest import BUILD, ENV, SOURCE, Program, wait_for
from passable import passable

COLLECTOR = BUILD / "collector/launcher/beadle-collector"
AGENT = BUILD / "agent/launcher/beadle-agent"
BEADLE = BUILD / "cli/beadle"

# Checks that are always ok: what a test's machine keeps on its real disks must not make an incident.
CALM = {"disk": ("disk", "1s", 'mounts: "/dev/shm"')}
FAST = {f"disk{i}": ("disk", "200ms", 'mounts: "/dev/shm"') for i in range(5)}


class Loopback:
    """Where site and agents are when a test says nothing else; namespaces.Machine is another place."""
    address, inside = "127.0.0.1", []


def each_once(records):
    """Within an epoch sequences begin at 1, and none is missing or there twice. {(host, epoch): sequences}"""
    by_epoch = collections.defaultdict(list)
    for host, epoch, sequence, *_ in records:
        by_epoch[host, epoch].append(sequence)
    for key, sequences in by_epoch.items():
        assert sorted(sequences) == list(range(1, len(sequences) + 1)), (key, len(sequences), sorted(sequences)[-5:])
    return by_epoch


class Site:
    def __init__(self, folder, notify="", people="{admin: {name: Admin, mail: admin@school.example}}", roles="{computer_room_manager: admin}",
                 hosts='{"*": {owner: admin}}', edit_procedure=None, second_factor="optional", on=Loopback):
        self.folder, self.on = pathlib.Path(folder), on
        passable(self.folder)
        self.state = self.folder / "c"                          # short: a socket's path has 107 bytes
        self.config = self.folder / "collector.yaml"
        self.socket = self.state / "collector.sock"
        self.agents = []
        procedure = (SOURCE / "conf.d/procedure/TWVS-ISMS-B-007.yaml").read_text()
        (self.folder / "procedure.yaml").write_text(edit_procedure(procedure) if edit_procedure else procedure)
        self.config.write_text(f"""\
school: twvs
title: 測試學校
language: zh-TW
second-factor: {second_factor}
address: https://localhost:8443/
state: {self.state}
procedure: procedure.yaml
listen: {{agents: "{on.address}:0", enrolment: "{on.address}:0", web: "{on.address}:0"}}
dashboard: [localhost, 127.0.0.1]
people: {people}
roles: {roles}
hosts: {hosts}
{notify}
""")
        done = subprocess.run([COLLECTOR, "--config", self.config, "init"], env=ENV, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        self.init = done.stdout
        self.collector = Program([*on.inside, COLLECTOR, "--config", self.config], self.folder / "collector.log")
        self.port = self.door = self.web_port = None

    def password(self):
        return re.search(r"one-time password: (\S+)", self.init)[1]

    def start(self):
        """Starts the collector; from the second time on, at the same ports."""
        before = len(self.collector.text())
        self.collector.start()

        def found(pattern):
            if self.collector.process.poll() is not None:
                raise AssertionError("the collector ended: " + self.collector.text()[-3000:])
            return re.search(pattern, self.collector.text()[before:])
        wait_for("the collector serves: " + str(self.collector.log), lambda: found("serving agents"), 60)
        self.port = int(found(r"listening for agents on [\d.]+:(\d+)")[1])
        self.door = int(found(r"enrolment at [\d.]+:(\d+)")[1])
        self.web_port = int(found(r"dashboard on https://[\d.]+:(\d+)/")[1])
        text = self.config.read_text()
        self.config.write_text(re.sub(r"listen: .*", f'listen: {{agents: "{self.on.address}:{self.port}", '
                                                      f'enrolment: "{self.on.address}:{self.door}", '
                                                      f'web: "{self.on.address}:{self.web_port}"}}', text))
        return self

    def beadle(self, *arguments, status=0):
        done = subprocess.run([BEADLE, "--socket", self.socket, *map(str, arguments)], env=ENV, capture_output=True, text=True)
        assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def ask(self, *arguments):
        """The document; `status` says by its exit code that something is critical, which is no failure of the question."""
        done = subprocess.run([BEADLE, "--socket", self.socket, "--json", *map(str, arguments)], env=ENV, capture_output=True, text=True)
        assert done.returncode in (0, 1) and done.stdout, (arguments, done.returncode, done.stdout, done.stderr)
        return json.loads(done.stdout)

    def agent(self, name, checks, **more):
        agent = Agent(self, name, checks, **more)
        self.agents.append(agent)
        return agent

    def values(self, host, metric):
        """{labels as text: (value, state)} of one metric, as the collector has it now."""
        found = {}
        for check in self.ask("hosts", host)["checks"]:
            for series in check["series"]:
                if series["metric"] == metric:
                    found[",".join(f"{k}={v}" for k, v in sorted(series["labels"].items()))] = (series["value"], series["state"])
        return found

    def records(self):
        """Every stored (host, epoch, sequence, check, outcome), read with another program's SQLite, also while the collector writes."""
        rows = []
        for file in sorted(self.state.glob("store/raw-*.db")):
            with sqlite3.connect(file) as db:
                rows += db.execute("select host, epoch, sequence, task, outcome from result join spool on result.spool = spool.id "
                                   "order by result.id").fetchall()
        return rows

    def stop(self):
        for agent in self.agents:
            agent.stop()
        self.collector.stop(60)


class Agent:
    """checks: {name: (plugin, interval, "option: value, ...", "grant: [...]"...)}"""

    def __init__(self, site, name, checks, spool="", extra="", on=Loopback):
        self.site, self.name = site, name
        self.folder = site.folder / name
        (self.folder / "agent.d").mkdir(parents=True)
        os.chmod(self.folder, 0o755)
        site.beadle("identity", "new", "--host", name, "--out", self.folder / "identity")
        self.configure(checks, spool, extra)
        self.program = Program([*on.inside, AGENT, "--config", self.folder / "agent.yaml"], self.folder / "agent.log")

    def configure(self, checks, spool="", extra=""):
        (self.folder / "agent.yaml").write_text(f"""\
collector: {self.site.on.address}:{self.site.port}
identity: {self.folder}/identity
state: {self.folder}/state
{spool}
{extra}
""")
        lines = ["checks:"]
        for check, (plugin, interval, options, *more) in checks.items():
            lines += [f"  {check}:", f"    plugin: {plugin}", f"    interval: {interval}", f"    options: {{{options}}}"]
            lines += [f"    {line}" for line in more]
        (self.folder / "agent.d/checks.yaml").write_text("\n".join(lines) + "\n")

    def start(self):
        self.program.start()
        return self

    def stop(self):
        self.program.stop(30)

    def kill(self):
        self.program.kill()
