"""scripts/run, as who has just cloned the project calls it: on a copy of the sources, beside the objects of this build."""
import json
import os
import re
import shutil
import signal
import subprocess

import pytest

from conftest import BUILD, SOURCE, Program, wait_for
from passable import passable

NOBODY = 65534
BARE = {k: v for k, v in os.environ.items() if not k.startswith("BEADLE_") and k != "LC_ALL"}
PROMPT = {"disk", "antivirus", "patch", "service", "clock", "system"}       # integrity first takes the base line of this whole machine


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    clone = tmp_path_factory.mktemp("r") / "beadle"
    passable(clone.parent)
    ours = {name for name in os.listdir(SOURCE) if name.startswith("build")} - {"build-aux"} | {".git"}
    shutil.copytree(SOURCE, clone, symlinks=True, ignore=lambda folder, names: ours & set(names) if folder == str(SOURCE) else ())
    shutil.copytree(BUILD, clone / "build-run", symlinks=True, ignore=lambda folder, names: {"cache", "results", "tests"} & set(names))
    for depends in (clone / "build-run").rglob("*.Po"):     # on sources by their paths, which may lead below root's closed home
        times = depends.stat()
        depends.write_text(depends.read_text().replace(f"{SOURCE}/", f"{clone}/"))
        os.utime(depends, ns=(times.st_atime_ns, times.st_mtime_ns))
    return clone


def called(clone, *arguments, status=0, **more):
    done = subprocess.run([clone / "scripts/run", *map(str, arguments)], cwd="/", env=BARE | more.pop("env", {}), capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, **more)
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def running(state):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if f"{state}/usr/" in open(f"/proc/{pid}/cmdline").read():
                found.append(pid)
        except OSError:
            pass
    return found


def test_a_first_call_a_second_one_and_the_end(clone):
    state = clone.parent / "s"
    # As from a terminal: who runs these tests in the background has let them inherit that SIGINT is ignored.
    first = Program(["env", "--default-signal=INT", clone / "scripts/run", "--state", state], clone.parent / "first.log", BARE)
    first.start().wait_log("Ctrl-C ends it", 300)
    said = first.text()
    address, password = (re.search(f"{what} +(\\S+)", said)[1] for what in ("dashboard", "one-time password"))
    assert address.startswith("https://localhost:") and len(password) > 10 and f"everything it keeps  {state}" in said
    beadle, *arguments = re.search("command line +(.*)", said)[1].split()
    assert arguments[-1] == "status"

    def ask(*more):
        return json.loads(subprocess.run([beadle, *arguments[:-1], "--json", *more], capture_output=True, text=True).stdout)
    host, = ask("hosts")["hosts"]

    def checks(measured):
        return {c["plugin"] for c in ask("hosts", host["name"])["checks"] if c["at"] or not measured}
    assert checks(measured=False) == PROMPT | {"integrity"}
    wait_for("results", lambda: checks(measured=True) >= PROMPT, 60)

    os.killpg(first.process.pid, signal.SIGINT)
    assert first.process.wait(60) == 130
    wait_for("the end of all", lambda: not running(state))

    again = called(clone, "--state", state, "--background")
    assert "configuring" not in again and "installing" not in again, "nothing is made twice"
    assert f"one-time password    {password}" in again, "nobody has used it yet"
    assert ask("hosts")["hosts"][0]["id"] == host["id"], "what it keeps goes on"
    assert f"stopped; everything it keeps is in {state}" in called(clone, "--stop", "--state", state)
    assert not running(state)
    assert f"nothing runs in {state}" in called(clone, "--stop", "--state", state)


def test_without_root(clone):
    if os.geteuid() != 0:
        pytest.skip("not proven apart: the other test did not run as root either")
    home = clone.parent / "home"
    home.mkdir()
    subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", home, clone / "build-run"], check=True)
    plain = {"user": NOBODY, "group": NOBODY, "extra_groups": [], "env": {"HOME": str(home), "XDG_STATE_HOME": str(home)}}
    empty = home / "dpkg"
    empty.mkdir()
    (empty / "status").touch()
    said = called(clone, status=1, **{**plain, "env": plain["env"] | {"DPKG_ADMINDIR": str(empty)}})
    assert re.fullmatch(r"error: packages are missing\. As root: apt-get install --no-install-recommends autoconf [a-z0-9. +-]*\n", said)
    assert not (home / "beadle").exists()

    said = called(clone, "--background", **plain)
    try:
        assert said.count("not root: ") == 1 and f"everything it keeps  {home}/beadle" in said
        assert running(home / "beadle")
    finally:
        called(clone, "--stop", **plain)
    assert not running(home / "beadle")
