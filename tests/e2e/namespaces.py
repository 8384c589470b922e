"""Two machines on one: network namespaces joined by a veth pair. Packets are lost by nftables where they arrive, so that the sender
learns nothing, slowed by tc, and the cable can be pulled. All of it goes with the namespaces."""
import contextlib
import os
import secrets
import shutil
import subprocess


def run(*argv):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True)
    assert done.returncode == 0, f"{argv}: {done.stderr}"


class Machine:
    def __init__(self, name, address):
        self.name, self.address, self.link = name, address, name
        self.inside = ["nsenter", f"--net=/run/netns/{name}"]       # before the command that is to run there

    def run(self, *argv):
        run(*self.inside, *argv)

    def begin(self):
        run("ip", "netns", "add", self.name)
        self.run("ip", "link", "set", "lo", "up")

    def up(self):
        self.run("ip", "address", "add", f"{self.address}/24", "dev", self.link)
        self.run("ip", "link", "set", self.link, "up")
        self.run("nft", "add table inet test; add chain inet test in { type filter hook input priority 0; }")

    def lose(self, percent=100):
        """Of the packets that come in from the other machine."""
        chance = "" if percent == 100 else f"numgen random mod 100 < {percent}"
        self.run("nft", f"add rule inet test in iifname {self.link} {chance} drop")

    def lose_none(self):
        self.run("nft", "flush chain inet test in")

    def slow(self, rate):
        """What goes out waits in a queue of two seconds; what has no place there is dropped."""
        self.run("tc", "qdisc", "add", "dev", self.link, "root", "tbf", "rate", rate, "burst", "4kb", "latency", "2s")

    def fast(self):
        self.run("tc", "qdisc", "del", "dev", self.link, "root")

    def pull(self):
        """The other end has no carrier any more."""
        self.run("ip", "link", "set", self.link, "down")

    def plug(self):
        self.run("ip", "link", "set", self.link, "up")


class Pair:
    """`left` and `right`, each with one address that the other reaches."""

    def __init__(self):
        name = f"bt{secrets.token_hex(4)}"      # not the process id, which another namespace may have too
        self.left, self.right = self.machines = Machine(name + "l", "10.83.0.1"), Machine(name + "r", "10.83.0.2")

    def join(self):
        for machine in self.machines:
            machine.begin()
        self.left.run("ip", "link", "add", "name", self.left.link, "type", "veth", "peer", "name", self.right.link, "netns", self.right.name)
        for machine in self.machines:
            machine.up()

    def close(self):
        for machine in self.machines:
            subprocess.run(["ip", "netns", "del", machine.name], capture_output=True)


@contextlib.contextmanager
def pair():
    """A Pair, or the reason why there can be none as a text."""
    missing = [tool for tool in ("ip", "nft", "tc", "nsenter") if not shutil.which(tool)]
    if os.geteuid() != 0 or missing:
        yield "not proven: network namespaces need " + (" ".join(missing) or "root")
        return
    made = Pair()
    try:
        made.join()
    except AssertionError as e:
        made.close()
        yield f"not proven: no network namespaces with nftables here ({e})"
        return
    try:
        yield made
    finally:
        made.close()
