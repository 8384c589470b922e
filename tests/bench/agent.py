"""The agent's figures: what it takes when it rests, how much a check costs, and how soon the first result arrives.

Core, template and hosts as in production, against a raw TLS collector that acknowledges and does nothing else. Run by `make bench-agent`;
needs root, or a kernel that lets us read our own children's /proc/PID/smaps_rollup.
"""
import argparse
import os
import pathlib
import shutil
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(os.environ["BEADLE_SOURCE"]) / "tests/e2e"))
import agent  # noqa: E402
import certs  # noqa: E402
import wire  # noqa: E402

UUID = "11111111-2222-4333-8444-555555555555"
PLUGINS = ("disk", "antivirus", "patch", "service", "clock", "integrity", "system")


def descendants(pid):
    out, todo = [], [pid]
    while todo:
        p = todo.pop()
        out.append(p)
        try:
            for task in os.listdir(f"/proc/{p}/task"):
                todo += map(int, open(f"/proc/{p}/task/{task}/children").read().split())
        except OSError:
            pass
    return out


def processes(a):
    return descendants(a.core.pid) + descendants(a.template.pid)


def memory(a):
    """(PSS, anonymous) of all processes in KiB, and how many there are."""
    pss = anonymous = n = 0
    for pid in processes(a):
        try:
            rollup = dict(line.split(":", 1) for line in open(f"/proc/{pid}/smaps_rollup").read().splitlines()[1:])
        except OSError:
            continue
        n += 1
        pss += int(rollup["Pss"].split()[0])
        anonymous += int(rollup["Anonymous"].split()[0])
    return pss, anonymous, n


def cpu(a):
    """Seconds of all, with those of children that were waited for."""
    total = 0.0
    for p in (a.core.pid, a.template.pid):
        fields = open(f"/proc/{p}/stat").read().rsplit(")", 1)[1].split()
        total += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return total


def run_ns(a):
    """Nanoseconds on the processor, of those that live."""
    return {p: int(open(f"/proc/{p}/schedstat").read().split()[0]) for p in processes(a)}


def serve(listener, stop):
    """Takes and acknowledges until told to stop."""
    peer = listener.accept()
    peer.greet()
    while not stop.is_set():
        try:
            if peer.take(timeout=0.5) is None:
                return
        except TimeoutError:
            pass


class Site:
    def __init__(self, checks, plugins, **plan):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="beadle-bench-"))
        ca = certs.Authority()
        ca.folder("agent", UUID, self.folder / "agent")
        ca.folder("collector", "main", self.folder / "collector")
        self.listener = wire.Listener(self.folder / "collector")
        self.agent = agent.Agent(self.folder, self.folder / "agent", [self.listener.address], plugins, checks, **plan)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=serve, args=(self.listener, self.stop), daemon=True)
        self.started = time.monotonic()
        self.thread.start()
        self.agent.start()

    def records(self):
        return self.listener.store.records

    def wait_records(self, n, timeout=120):
        end = time.monotonic() + timeout
        while len(self.records()) < n and time.monotonic() < end:
            time.sleep(0.005)
        return len(self.records())

    def end(self):
        self.stop.set()
        self.agent.stop()
        self.thread.join(5)
        self.listener.close()
        shutil.rmtree(self.folder)


def say(what, value, bound):
    print(f"agent: {what:58} {value:>12}   bound {bound}", flush=True)


def rest(seconds):
    """Every plugin that is built, with its defaults; one round, then quiet."""
    plugins = [(p, agent.module(p)) for p in PLUGINS if agent.module(p).exists()]
    checks = []
    for i, (name, path) in enumerate(plugins):
        options = {"integrity": [{"name": "paths", "value": b"/etc"}]}.get(name, [])
        checks.append(agent.check(name, name, i, agent.inventory(name, path), interval=3600, timeout=120, options=options))
    site = Site(checks, plugins)
    site.wait_records(1)
    say("first result at the collector after start", f"{time.monotonic() - site.started:.3f} s", "1 s")
    peak = (0, 0, 0)
    end = time.monotonic() + 120
    while len({r["name"] for r in site.records() if r["round"]}) < len(plugins) and time.monotonic() < end:
        peak = max(peak, memory(site.agent))
        time.sleep(0.02)
    bad = [f"{r['name']}: {r['error'].decode()}" for r in site.records() if r["outcome"] > 1]
    print(f"agent: {len(plugins)} plugins: {' '.join(p for p, _ in plugins)}" + "".join(f"\nagent: failed: {b}" for b in bad))
    time.sleep(seconds)
    pss, anonymous, n = memory(site.agent)
    say(f"PSS of all {n} processes, {seconds} s after a round", f"{pss / 1024:.2f} MiB", "6 MiB")
    say("of it anonymous", f"{anonymous / 1024:.2f} MiB", "3 MiB")
    say("PSS at its peak during rounds", f"{peak[0] / 1024:.2f} MiB", "told")
    before, start = run_ns(site.agent), time.monotonic()
    time.sleep(seconds)
    after = run_ns(site.agent)
    used = sum(after[p] - before.get(p, 0) for p in after) / 1000 / (time.monotonic() - start)
    say("CPU a second, idle", f"{used:.0f} us", "100 us")
    site.end()


def work(name, option, seconds):
    """100 checks a second of one plugin."""
    path = agent.module(name)
    inventory = agent.inventory(name, path)
    checks = [agent.check(f"c{i}", name, 0, inventory, options=option) for i in range(100)]
    site = Site(checks, [(name, path)])
    site.wait_records(300)
    before, start, ns = len(site.records()), time.monotonic(), run_ns(site.agent)
    time.sleep(seconds)
    after = run_ns(site.agent)
    done, took = len(site.records()) - before, time.monotonic() - start
    used = sum(after[p] - ns.get(p, 0) for p in after) / 1000
    each = {p: (after[p] - ns.get(p, 0)) / 1000 / done for p in after}
    say(f"CPU a check of {name}, {done / took:.0f} a second, all processes", f"{used / done:.0f} us", "100 us")
    print("agent:   of it " + ", ".join(f"{open(f'/proc/{p}/comm').read().strip()} {v:.0f} us" for p, v in each.items()))
    site.end()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=30)
    args = parser.parse_args()
    if agent.module("disk").exists():
        work("disk", [{"name": "mounts", "value": b"/"}], args.seconds)
    if agent.module("service").exists():
        pid_file = pathlib.Path(tempfile.mkstemp(suffix=".pid")[1])
        pid_file.write_text(f"{os.getpid()}\n")
        work("service", [{"name": "units", "value": b""}, {"name": "processes", "value": f"bench pidfile={pid_file}".encode()}], args.seconds)
        pid_file.unlink()
    rest(args.seconds)


if __name__ == "__main__":
    main()
