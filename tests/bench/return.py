"""10,000 agents come back after the collector was killed (SECURITY R10): how soon, what it takes of the collector, and what bounds it.
Run by `make bench-return`; AGENTS says how many. Collector and agents share the machine. The store is on TMPDIR's disk (default /var/tmp).
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(os.environ["BEADLE_SOURCE"]) / "tests/e2e"))
import flood  # noqa: E402
from conftest import BUILD  # noqa: E402
from intake import Crowd, loaded  # noqa: E402

AGENTS = int(os.environ.get("AGENTS", 10_000))


def spent(collector):
    fields = open(f"/proc/{collector.process.pid}/stat").read().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def idle(collector, folder):
    """Connections alone: memory and CPU of each."""
    before, cpu, crowd = collector.memory(), spent(collector), Crowd(collector, folder, AGENTS, "--idle").start()
    took = crowd.all_connected(1, 300)
    memory, cpu = collector.memory() - before, spent(collector) - cpu
    crowd.stop()
    print(f"{AGENTS} agents connect for the first time within {took:.1f} s; {memory / AGENTS / 1024:.1f} KiB each (at most 64)")
    return cpu / AGENTS * 1e6


def back(collector, folder):
    """Each measures 10 values of its 200 series once a minute."""
    crowd = Crowd(collector, folder, AGENTS, "--every", 60).start()
    crowd.all_connected(1, 600)
    time.sleep(20)
    collector.kill()
    collector.start()
    took = crowd.all_connected(2, 600)
    print(f"all are back {took:.1f} s after kill -9, with 200 series each (at most 120); {collector.memory() / AGENTS / 1024:.1f} KiB each")
    crowd.stop()
    collector.stop()
    print("in the store:", crowd.verify(collector.store).strip())


def main():
    if not flood.many_files(AGENTS + 1000):
        sys.exit(f"{AGENTS} connections need as many descriptors: ulimit -n")
    with tempfile.TemporaryDirectory(prefix="beadle-bench.", dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        folder = pathlib.Path(folder)
        collector, _ = loaded(folder)
        collector.start()
        try:
            cost = idle(collector, folder)
            bare = float(subprocess.run([BUILD / "tests/bench/handshake", folder], check=True, capture_output=True, text=True).stdout)
            print(f"a connection costs the collector {cost:.0f} us of CPU, of which the handshake, by OpenSSL alone, is {bare:.0f} us: "
                  f"{1e6 / cost:.0f} a second and core against {1e6 / bare:.0f}")
            back(collector, folder)
        finally:
            collector.kill()


main()
