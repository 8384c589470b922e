"""The collector under load while it, its file system or its disk gives out. Method of SECURITY 3: the load generator is the ledger; it
ends by itself when a collector comes back with less than it acknowledged, and in the end every acknowledged result must be in
the store once and as it was sent."""
import array
import fcntl
import os
import pathlib
import random
import shutil
import signal
import subprocess
import time

import pytest

from conftest import wait_for
from intake import MIB, loaded

EXT4_IOC_SHUTDOWN = 0x8004587D
NOLOGFLUSH = 2
ROUNDS = int(os.environ.get("BEADLE_POWER_CUTS", 6))
KILLS = int(os.environ.get("BEADLE_KILLS", 20))


def run(*argv):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True)
    assert done.returncode == 0, f"{argv}: {done.stderr}"
    return done.stdout.strip()


def stored(collector):
    return sum(f.stat().st_size for f in collector.store.glob("raw-*"))


def grown(collector, load):
    """Waits until something more was stored."""
    before = stored(collector)
    wait_for("results to be stored", lambda: load.going() or stored(collector) > before, timeout=60, every=0.05)


def test_r02_collector_killed_under_load(tmp_path):
    """SIGKILL, again and again at random moments."""
    collector, load = loaded(tmp_path, agents=16, results=5, values=2)
    collector.start()
    load = load()
    for _ in range(KILLS):
        grown(collector, load)
        time.sleep(random.uniform(0, 0.3))
        load.going()
        collector.stop(signal.SIGKILL)
        collector.start()
    grown(collector, load)
    load.stop()
    collector.stop()
    load.verify(collector.store)


# ---- a file system that loses what was not synced ----

class Loop:
    """ext4 on a loop device; `cut` is the power going: what was not on the disk by then is gone at the next mount."""

    def __init__(self, folder, size):
        self.image, self.at = folder / "disk", folder / "mounted"
        with open(self.image, "wb") as f:
            f.truncate(size)
        run("mkfs.ext4", "-q", "-F", self.image)
        self.at.mkdir()
        self.mount()

    def mount(self):
        run("mount", "-o", "loop", self.image, self.at)

    def cut(self):
        fd = os.open(self.at, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, array.array("I", [NOLOGFLUSH]))
        finally:
            os.close(fd)

    def remount(self):
        """What is on the disk, as another file: a mount namespace of somebody else's may still hold the dead file system."""
        run("umount", self.at)
        dead, self.image = self.image, self.image.with_name(self.image.name + "+")
        run("cp", "--sparse=always", dead, self.image)
        dead.unlink()
        self.mount()


@pytest.fixture
def loop(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("not proven: needs root for a loop device")
    try:
        disk = Loop(tmp_path, 1024 * MIB)
    except (AssertionError, OSError) as e:
        pytest.skip(f"not proven: no ext4 on a loop device here ({e})")
    yield disk
    subprocess.run(["umount", "-l", disk.at], check=False, capture_output=True)


NO_SYNC = """
int fsync(int fd);
int fdatasync(int fd);
int fsync(int fd) { (void)fd; return 0; }
int fdatasync(int fd) { (void)fd; return 0; }
"""


def freeze(process):
    """Stops every thread; one that is inside a write or a sync (D) stops before it can say what came of it."""
    process.send_signal(signal.SIGSTOP)
    tasks = pathlib.Path(f"/proc/{process.pid}/task")
    wait_for("the collector to stop", lambda: all((t / "stat").read_text().rsplit(")")[-1].split()[0] in "TD"
                                                  for t in tasks.iterdir()), every=0)


def power_cuts(tmp_path, loop, rounds, env=None):
    """Cuts the power `rounds` times under load; raises when something acknowledged is gone."""
    (tmp_path / "store").symlink_to(loop.at)
    collector, load = loaded(tmp_path, "reserve: 4MiB", env=env, agents=16, results=5, values=2)
    collector.store = loop.at
    collector.start()
    load = load()
    try:
        for _ in range(rounds):
            grown(collector, load)
            time.sleep(random.uniform(0, 0.5))
            # Power takes the processor as well: what a living collector is told by a file system that was shut down under it (ext4
            # calls an fsync good whose blocks it could no longer put in its journal) would be no test of anything.
            freeze(collector.process)
            loop.cut()
            collector.stop(signal.SIGKILL)
            loop.remount()
            collector.start()
        grown(collector, load)
        load.stop()
        collector.stop()
        return load.verify(collector.store)
    finally:
        load.process.kill()
        if collector.process.poll() is None:
            collector.stop(signal.SIGKILL)


def test_r01_power_cuts(tmp_path, loop):
    power_cuts(tmp_path, loop, ROUNDS)


def test_r01_control_without_sync(tmp_path, loop):
    """The same with a collector whose syncs do nothing has to lose something, or the test above proves nothing."""
    shim = tmp_path / "nosync.c"
    shim.write_text(NO_SYNC)
    if not shutil.which("gcc"):
        pytest.skip("not proven: no gcc for the shim")
    run("gcc", "-shared", "-fPIC", "-o", tmp_path / "nosync.so", shim)
    with pytest.raises(AssertionError, match="holds less than it acknowledged|and not there|cannot|malformed|ended with"):
        power_cuts(tmp_path, loop, ROUNDS, env={"LD_PRELOAD": str(tmp_path / "nosync.so")})


# ---- a full disk ----

def disk_full(collector, load, disk):
    filler = disk / "filler"
    grown(collector, load)
    with open(filler, "ab", buffering=0) as f:
        try:
            while True:
                f.write(bytes(64 * 1024))
                f.flush()
        except OSError:
            pass
    collector.wait_log("the disk is full", timeout=60)
    load.going()
    assert not (disk / "reserve").exists()      # let go of, for what must still be written
    time.sleep(1)
    collector.alive()
    filler.unlink()
    collector.wait_log("there is room on the disk again", timeout=60)
    grown(collector, load)
    assert (disk / "reserve").exists()
    load.stop()
    collector.stop()
    assert collector.text().count("the disk is full") == 1
    load.verify(disk)


def on_disk(tmp_path, disk):
    (tmp_path / "store").symlink_to(disk)
    with open(disk / "filler", "wb") as f:      # most of the disk from the start, so that taking it away makes room
        os.posix_fallocate(f.fileno(), 0, os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize * 6 // 10)
    collector, load = loaded(tmp_path, "reserve: 4MiB", agents=4, results=5, values=2, window=1)
    collector.store = disk
    collector.start()
    return collector, load()


def test_r06_full_disk_tmpfs(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("not proven: needs root to mount a tmpfs")
    disk = tmp_path / "small"
    disk.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", disk)
    try:
        disk_full(*on_disk(tmp_path, disk), disk)
    finally:
        subprocess.run(["umount", "-l", disk], check=False)


def test_r06_full_disk_ext4(tmp_path, loop):
    disk_full(*on_disk(tmp_path, loop.at), loop.at)
