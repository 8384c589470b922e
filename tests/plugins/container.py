"""A booted systemd: a small Debian made once by debootstrap, started by systemd-nspawn over a volatile overlay."""
import fcntl
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

BUILD = Path(os.environ["BEADLE_BUILD"])
PROGRAMS = ("debootstrap", "systemd-nspawn", "nsenter")
PACKAGES = "systemd,dbus"


def _os_release(key):
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith(key + "="):
            return line.split("=", 1)[1].strip('"')
    return ""


def image():
    """The folder of the image; skips with a reason where none can be made."""
    if os.geteuid() != 0:
        pytest.skip("not proven: a container needs root")
    missing = [p for p in PROGRAMS if not shutil.which(p, path="/usr/sbin:/usr/bin:/sbin:/bin")]
    if missing:
        pytest.skip(f"not proven: {', '.join(missing)} is not installed (debootstrap systemd-container)")
    if _os_release("ID") != "debian":
        pytest.skip("not proven: the container takes this machine's programs, so it is made on Debian alone")
    suite = _os_release("VERSION_CODENAME")
    folder = BUILD / f"cache/systemd-{suite}"
    folder.parent.mkdir(exist_ok=True)
    with open(folder.parent / "lock", "w") as lock:     # another test's process may be at it
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            make(folder, suite)
    return folder


def make(folder, suite):
    new = BUILD / "cache/new"
    shutil.rmtree(new, ignore_errors=True)              # of a run that was broken off
    # What is only a cache need not be safe from a power cut: half the time.
    (new / "etc/dpkg/dpkg.cfg.d").mkdir(parents=True)
    (new / "etc/dpkg/dpkg.cfg.d/unsafe-io").write_text("force-unsafe-io\n")
    try:
        done = subprocess.run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", suite, new,
                               os.environ.get("BEADLE_DEBIAN_MIRROR", "http://deb.debian.org/debian")],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=180)
        error = done.stdout.strip().splitlines()[-1:] if done.returncode else None
    except subprocess.TimeoutExpired:
        error = "it took more than 180 s"
    if error:
        shutil.rmtree(new, ignore_errors=True)
        pytest.skip(f"not proven: debootstrap could not make a container: {error}")
    new.rename(folder)


PROGRAMS_INSIDE = [BUILD / p for p in ("cli/beadle", "agent/host/beadle-host", "plugins/service/service.so")]


def libraries(folder, programs):
    """What the programs link and the image lacks, bound into it: it is of the same release."""
    words = subprocess.run(["ldd", *programs], capture_output=True, text=True).stdout.split()
    return [f"--bind-ro={w}" for w in sorted(set(words)) if w.startswith("/") and ".so" in w and not w.endswith(":")
            and not (folder / w[1:]).exists()]


class Container:
    """Runs until stop(); what it writes is gone then. The build tree is at /beadle."""

    def __init__(self, folder, log, programs=PROGRAMS_INSIDE, options=()):
        self.log = log
        # The unified hierarchy also works where the host has the hybrid one.
        self.process = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "-D", folder, "--register=no", "--keep-unit", "--boot", "--volatile=overlay",
             "--console=pipe", "--private-network", f"--bind-ro={BUILD}:/beadle", *libraries(folder, programs), *options],
            stdin=subprocess.DEVNULL, stdout=log.open("w"), stderr=subprocess.STDOUT,
            env=os.environ | {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"})
        self.leader = None

    def wait(self):
        """Until it is up; skips when it cannot be."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            self.leader = self.leader or self._find_leader()
            if self.leader and self.run("systemctl", "is-system-running", fails=True).strip() in ("running", "degraded"):
                return
            time.sleep(0.2)
        self.stop()
        pytest.skip(f"not proven: systemd did not boot in a container: {self.log.read_text()[-300:]}")

    def _find_leader(self):
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                    return child
        return None

    def command(self, *words):
        return ["nsenter", "-t", self.leader, "-a", "--", *(str(w) for w in words)]

    def run(self, *words, fails=False, input=None):
        done = subprocess.run(self.command(*words), input=input, capture_output=True, text=True, timeout=60)
        assert fails or done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def unit(self, name, text, *verbs):
        """Writes a unit, and does with it what systemctl's verbs say."""
        self.run("tee", f"/etc/systemd/system/{name}", input=text)
        self.run("systemctl", "daemon-reload")
        for verb in verbs:
            self.run("systemctl", verb, name, fails=True)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
