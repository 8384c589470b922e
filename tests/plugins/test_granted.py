"""What plugins try to get without having been granted it (P6), and before anybody has called them (P7), through `beadle check`."""
import ctypes
import errno
import json
import os
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from sanitized import SANITIZED

BUILD = Path(os.environ["BEADLE_BUILD"])
BAD = BUILD / "tests/plugins/bad"
MARK = Path("/var/tmp/beadle-early-mark")
HOST_USER = 66900       # of hosts, as root
VERSION = ctypes.CDLL(None).syscall(444, None, 0, 1)    # of Landlock, in this kernel


@pytest.fixture(scope="module", autouse=True)
def modules():
    if not (BAD / "thief.so").exists() or not (BAD / "early.so").exists():
        subprocess.run(["make", "-s", "-C", BUILD, *(f"tests/plugins/bad/{n}.so" for n in ("thief", "early"))], check=True)


@pytest.fixture
def folder():
    """Not below /tmp, where sanitizers of a sanitizer's build write."""
    with tempfile.TemporaryDirectory(prefix="beadle-walls-", dir="/var/tmp") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


def needs_landlock(version):
    if VERSION < version:
        pytest.skip(f"not proven: Landlock {version} (this kernel has {max(VERSION, 0)})")


def beadle_check(module, *arguments, **environment):
    done = subprocess.run([BUILD / "cli/beadle", "check", BAD / f"{module}.so", "--json", *map(str, arguments)], capture_output=True,
                          text=True, timeout=60, env=os.environ | {"BEADLE_LIBEXEC": str(BUILD)} | environment)
    assert done.stdout.startswith("{"), done
    return json.loads(done.stdout)


USERS = [None] + ([HOST_USER] if os.geteuid() == 0 else [])     # beside us, a host that is root itself, and one that is not


@pytest.fixture(params=USERS, ids=lambda u: f"user{u}" if u else "self")
def thief(request, folder):
    def thief(misdeed, target="/", *arguments, **environment):
        """What it got, and what is said of that."""
        user = ["--user", request.param] if request.param else []
        (folder / "state").mkdir(exist_ok=True)
        told = beadle_check("thief", "-o", f"misdeed={misdeed}", "-o", f"target={target}", "--state", folder / "state", *user,
                            *arguments, **environment)
        assert [v["metric"] for v in told["values"]] == ["thief_errno"], told
        return told["values"][0]["value"], told
    return thief


def refused(told, call):
    assert told["outcome"] == "failed" and told["error"] == f"system calls refused to the plugin: {call}", told


@pytest.mark.parametrize("misdeed, name", [("read", "identity/key.pem"), ("read", "core/events/0001"), ("write", "core/events/0001"),
    ("write", "plugins/other/new"), ("remove", "core/dictionary"), ("list", "plugins/other"), ("list", "core")])
def test_p06_files_of_others(thief, folder, misdeed, name):
    """The agent's key, spool, and the state of other plugins: files that their modes would open to everybody."""
    needs_landlock(1)
    target = folder / "agent" / name
    target.parent.mkdir(parents=True)
    if misdeed == "list":
        target.mkdir()
    elif not name.endswith("new"):
        target.write_text("a secret")
    for path in (folder / "agent").rglob("*"):
        path.chmod(0o777 if path.is_dir() else 0o666)
    error, told = thief(misdeed, target)
    assert error == errno.EACCES and told["outcome"] == "partial", told
    assert told["skips"] == [{"error": errno.EACCES, "what": str(target)}]
    assert target.exists() != name.endswith("new")


def test_p06_what_is_granted_opens(thief, folder):
    """The same file, named by the administrator: reading opens, and writing does not with it."""
    needs_landlock(1)
    target = folder / "agent.d"
    target.write_text("no secret")
    target.chmod(0o666)
    assert thief("read", target, "--grant", f"read:{target}")[0] == 0
    assert thief("write", target, "--grant", f"read:{target}")[0] == errno.EACCES
    assert thief("write", target, "--grant", f"write:{target}")[0] == 0


@pytest.mark.parametrize("misdeed, call", [("connect", "socket"), ("connect_unix", "socket"), ("raw", "socket"), ("packet", "socket"),
    ("ptrace", "ptrace"), ("setuid", "setuid"), ("mount", "mount"), ("namespace", "unshare"), ("exec", "execve"),
    ("deaf", "rt_sigaction")])
def test_p06_system_calls(thief, folder, misdeed, call):
    if SANITIZED and call in ("ptrace", "execve"):
        pytest.skip("not proven: a sanitizer's processes may make that call")
    target = {"exec": "/bin/sh", "ptrace": os.getpid(), "mount": folder, "connect_unix": folder / "door"}.get(misdeed, "/")
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as door:
        door.bind(str(folder / "door"))
        door.listen()
        os.chmod(folder / "door", 0o666)
        error, told = thief(misdeed, target, "-o", f"port={server.getsockname()[1]}")
    assert error == errno.EPERM, told
    refused(told, call)


def test_p06_a_library_that_it_wrote(thief):
    if SANITIZED:
        pytest.skip("not proven: sanitizers map code of their own, so that wall is left out")
    source = BAD / "apple.so"
    error, told = thief("library", source, "--grant", f"read:{source}")
    assert error == errno.EPERM, told
    refused(told, "mmap")


@pytest.mark.parametrize("misdeed", ["memory", "signal"])
def test_p06_processes_of_others(thief, misdeed):
    """Of a process of its own user, too: users alone would not hold it back."""
    needs_landlock(6 if misdeed == "signal" else 1)
    user = {"user": HOST_USER, "group": HOST_USER} if os.geteuid() == 0 else {}
    for who in (user, {}):
        with subprocess.Popen(["sleep", "100"], cwd="/", **who) as other:
            error, told = thief(misdeed, other.pid)
            assert error in (errno.EPERM, errno.EACCES), told
            assert other.poll() is None and told["skips"][0]["what"] == str(other.pid)
            other.kill()


def test_p06_tests_kill(thief):
    """How tests see what no plugin of ours does: at once."""
    done = subprocess.run([BUILD / "cli/beadle", "check", BAD / "thief.so", "-o", "misdeed=mount"], capture_output=True, text=True,
                          timeout=60, env=os.environ | {"BEADLE_LIBEXEC": str(BUILD), "BEADLE_WALLS": "kill"})
    assert done.returncode == 1 and signal.Signals.SIGSYS.name in done.stderr, done


@pytest.fixture
def mark():
    MARK.unlink(missing_ok=True)
    yield MARK
    MARK.unlink(missing_ok=True)


@pytest.mark.parametrize("user", USERS)
def test_p07_no_code_outside_the_walls(mark, user):
    needs_landlock(1)
    told = beadle_check("early", *(["--user", user] if user else []))
    assert told["values"][0]["value"] == errno.EACCES, told     # it ran, and was held back
    assert not mark.exists()


def test_p07_only_asked_what_it_is(mark):
    """As at build, and whenever the agent's configuration is read."""
    needs_landlock(1)
    done = subprocess.run([BUILD / "agent/config/beadle-config", "--inventory", BAD / "early.so"], capture_output=True, text=True,
                          timeout=60, env=os.environ | {"BEADLE_LIBEXEC": str(BUILD)})
    assert done.returncode == 0 and "early_errno" in done.stdout, done
    assert not mark.exists()


def test_p07_the_mark_can_be_made(mark, folder):
    """The same code without walls: the test's own proof."""
    loaded = subprocess.run(["/usr/bin/python3", "-c", f"import ctypes, os; ctypes.CDLL('{BAD}/early.so', os.RTLD_LAZY)"],
                            capture_output=True, text=True, timeout=60)
    if SANITIZED and not mark.exists():
        pytest.skip("not proven: a sanitizer's module loads only into a sanitizer's program")
    assert mark.exists(), loaded
