"""system: this machine's own numbers, and trees like /sys for hardware that is not here."""
import os
import threading
import time

import pytest

from passable import passable


def meminfo(name):
    with open("/proc/meminfo") as file:
        for line in file:
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
    raise KeyError(name)


def test_this_machine(kept):
    round = kept("system")
    assert 0 <= round.value("system_cpu_used_ratio") <= 1
    assert round.value("system_cpus") == os.sysconf("SC_NPROCESSORS_ONLN")
    assert abs(sum(round.value("system_memory", state=s) for s in ("used", "available")) - meminfo("MemTotal")) < 1
    assert abs(round.value("system_memory", state="available") - meminfo("MemAvailable")) < 0.2 * meminfo("MemTotal")
    assert round.value("system_load_per_core") == round.value("system_load", minutes="5") / round.value("system_cpus")
    assert abs(round.value("system_uptime") - time.clock_gettime(time.CLOCK_BOOTTIME)) < 30
    assert round.fact("system_kernel") == os.uname().release
    assert round.outcome == "ok"


def test_processor_time_since_the_last_round(kept):
    kept("system")
    end = time.monotonic() + 1.5
    threads = [threading.Thread(target=lambda: sum(1 for _ in iter(lambda: time.monotonic() > end, True)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    begin = time.monotonic()
    busy = kept("system")
    # one of the processors was busy all the while, and the second round did not have to sample
    assert busy.value("system_cpu_used_ratio") > 0.5 / os.sysconf("SC_NPROCESSORS_ONLN")
    assert busy.document["took_ns"] < 200_000_000 or time.monotonic() - begin > 2


def test_hardware_that_is_not_here(kept, tmp_path):
    sys = tmp_path / "sys"
    hwmon = sys / "class" / "hwmon" / "hwmon0"
    hwmon.mkdir(parents=True)
    (hwmon / "name").write_text("k10temp\n")
    (hwmon / "temp1_input").write_text("71250\n")
    (sys / "block" / "md0" / "md").mkdir(parents=True)
    (sys / "block" / "md0" / "md" / "degraded").write_text("1\n")
    round = kept("system", sys=sys, smart="no")
    assert round.value("system_temperature", sensor="k10temp::temp1") == 71.25
    assert round.value("system_disk_health_bad") == 1
    assert round.fact("system_disk_health", device="md0") == "array lacks 1 of its disks"


def test_one_unreadable_source_costs_itself(kept, tmp_path):
    proc = tmp_path / "proc"
    proc.mkdir()
    for name in ("stat", "loadavg", "uptime"):
        (proc / name).write_bytes(open(f"/proc/{name}", "rb").read())
    round = kept("system", proc=proc)
    assert round.outcome == "partial"
    assert list(round.skips) == ["meminfo"]
    assert round.value("system_load_per_core") is not None


def test_smart_is_asked_once_an_hour(kept, tmp_path):
    if not os.path.exists("/usr/sbin/smartctl"):
        pytest.skip("not proven: smartctl is not installed (smartmontools)")
    sys, answers = tmp_path / "sys", tmp_path / "state" / "system" / "smart"
    (sys / "block" / "sdnone").mkdir(parents=True)
    nothing = kept("system", sys=sys)
    assert answers.read_text().split()[1:] == ["sdnone", "2"]   # the real one cannot open it: it says nothing
    assert nothing.value("system_disk_health_bad") == 0

    answers.write_text(f"{time.time_ns()}\nsdnone 8\n")
    failing = kept("system", sys=sys)
    assert failing.value("system_disk_health_bad") == 1
    assert failing.fact("system_disk_health", device="sdnone SMART") == "SMART says that the disk is failing"

    answers.write_text(f"{time.time_ns() - 2 * 3600 * 10**9}\nsdnone 8\n")
    assert kept("system", sys=sys).value("system_disk_health_bad") == 0


def test_disks_that_are_closed_to_us_are_told(kept, tmp_path):
    """As root each plugin has a user of its own, and no grant opens a disk: no word of its health is not good health."""
    if os.geteuid() != 0 or not os.path.exists("/usr/sbin/smartctl"):
        pytest.skip("not proven: not root, or smartctl is not installed (smartmontools)")
    device = f"/dev/sdz{os.getpid()}"
    (tmp_path / "sys/block" / os.path.basename(device)).mkdir(parents=True)
    passable(tmp_path)
    os.mknod(device, 0o060660, os.makedev(7, 255))
    try:
        round = kept("system", sys=tmp_path / "sys", user=65534)
    finally:
        os.unlink(device)
    assert "SMART: the disks are closed to this user" in round.skips
