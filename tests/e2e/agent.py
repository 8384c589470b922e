"""Core and template without launcher and configuration reader: the descriptors of agent/template.h, filled by hand."""
import array
import fcntl
import os
import socket
import struct
import subprocess

from conftest import BUILD, ENV, wait_for
from wire import Proto

HOST = Proto("beadle.proto", "host.proto")
CORE_PLAN, CORE_STOP = 1, 2
SECOND = 1_000_000_000


def plugin_record(index, name, module, state="", memory=0, grants=""):
    """struct plugin_record"""
    return struct.pack("@IIIQQIIIIQ64s512s512s4096s", index, 0, 0, memory or 1 << 30, 1 << 30, 64, 256, 0, 0, 0, name.encode(),
                       str(module).encode(), str(state).encode(), grants.encode())


KINDS = ["", "capability", "read", "write", "program", "socket", "net", "service"]


def grants(checks):
    """Of one plugin's checks, as the configuration reader makes them (lib/needs.h)."""
    found = {}
    for c in checks:
        options, inventory = {}, c["inventory"]
        for o in c.get("options", []):
            options.setdefault(o["name"], []).append(o["value"].decode())
        defaults = {d["option"]: d["value"].split(",") for d in inventory.get("defaults", [])}
        for need in inventory.get("needs", []):
            kind, what = KINDS[need["kind"]], need["what"]
            if kind == "net":
                found |= {f"net:{':'.join(what.split(':')[:2])}": 1}
            elif what.startswith("option:"):
                found |= {f"{kind}:{v}": 1 for v in options.get(what[7:], defaults.get(what[7:], [])) if v.startswith("/")}
            elif kind not in ("capability", "service"):
                found |= {f"{kind}:{what}": 1}
        found |= {f"read:{v}": 1 for d in inventory.get("defaults", []) if d["path"] for v in options.get(d["option"], [])}
    return "".join(f"{g}\n" for g in found)


def module(name):
    return BUILD / "plugins" / name / f"{name}.so"


def check(name, plugin, index, inventory, interval=1.0, timeout=5.0, **more):
    return {"name": name, "plugin": index, "plugin_name": plugin, "interval_ns": int(interval * SECOND),
            "interval_min_ns": int(min(interval, 1) * SECOND), "interval_max_ns": 86400 * SECOND,
            "timeout_ns": int(timeout * SECOND), "inventory": inventory, **more}


def spawn(argv, fds, log, env=None):
    """A program of ours that finds fds[i] at descriptor 3 + i."""
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in fds]

    def place():
        for i, fd in enumerate(high):
            os.dup2(fd, 3 + i)
        os.closerange(3 + len(high), 1000)

    with open(log, "ab") as out:
        process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out, stderr=out, env={**ENV, **(env or {})},
                                   preexec_fn=place, close_fds=False)
    for fd in high:
        os.close(fd)
    return process


def inventory(name, path):
    """What the real host tells of a module."""
    ours, its = socket.socketpair()
    process = spawn([BUILD / "agent/host/beadle-host", "one", "--name", name, "--module", path], [its.fileno()], "/dev/null")
    its.close()
    data = b""
    while len(data) < 4 or len(data) < 4 + struct.unpack(">I", data[:4])[0]:
        part = ours.recv(65536)
        assert part, f"no inventory of {path}: {data}"
        data += part
    ours.close()
    process.wait(10)
    told = HOST.decode("FromHost", data[4:4 + struct.unpack(">I", data[:4])[0]])
    assert told["inventory"], told["problem"]
    return {k: told["inventory"][k] for k in ("plugin", "watches", "needs", "defaults")}


class Agent:
    """plan: fields of host.Plan but for what is filled in here; plugins: [(name, module path)]"""

    def __init__(self, folder, identity, collectors, plugins, checks, **plan):
        self.folder, self.plugins = folder, plugins
        self.plan = {"collectors": collectors, "identity": str(identity), "state": str(folder / "state"),
                     "spool_measurements": 64 << 20, "spool_events": 16 << 20, "sync_ns": SECOND,
                     "silence_ns": 90 * SECOND, "heartbeat_ns": 30 * SECOND, "checks": checks, **plan}
        self.log = folder / "agent.log"
        self.core = self.template = None
        self.env = {}                           # of the core, at its next start

    def _memfd(self):
        fd = os.memfd_create("plan")
        os.write(fd, HOST.encode("Plan", self.plan))
        return fd

    def start(self):
        (self.folder / "state").mkdir(exist_ok=True)
        self.to_template, t = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.to_core, c = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        plan = self._memfd()
        self.template = spawn([BUILD / "agent/host/beadle-host", "template"], [t.fileno(), a.fileno()], self.log)
        self.core = spawn([BUILD / "agent/core/beadle-core"], [c.fileno(), b.fileno(), plan], self.log, self.env)
        for s in (t, c, a, b):
            s.close()
        os.close(plan)
        self.load()
        return self

    def load(self):
        self.to_template.send(struct.pack("=I", len(self.plugins)))
        for i, (name, path) in enumerate(self.plugins):
            mine = [c for c in self.plan["checks"] if c.get("plugin") == i and "inventory" in c]
            self.to_template.send(plugin_record(i, name, path, self.folder / "state" / f"plugin-{name}", grants=grants(mine)))
        self.to_template.settimeout(10)
        self.to_template.recv(64)

    def reload(self, **plan):
        self.plan.update(plan)
        self.load()
        fd = self._memfd()
        self.to_core.sendmsg([struct.pack("=I", CORE_PLAN)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
        os.close(fd)

    def text(self):
        return self.log.read_text(errors="replace")

    def wait_log(self, what, timeout=30):
        wait_for(f"{what!r} in {self.log}:\n", lambda: what in self.text(), timeout)

    def stop(self):
        """As the launcher would: the core, then the template. The core's exit status."""
        if self.core and self.core.poll() is None:
            self.to_core.send(struct.pack("=I", CORE_STOP))
            self.core.wait(15)
        self._end()
        return self.core.returncode

    def kill(self):
        self.core.kill()
        self.core.wait()
        self._end()

    def _end(self):
        self.to_template.close()
        self.to_core.close()
        self.template.wait(10)
