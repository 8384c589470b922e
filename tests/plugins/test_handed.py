"""What a plugin makes of descriptors that were opened for it, and of more than was given, through `beadle check` (SECURITY 5.6, P6)."""
import errno
import json
import os
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

BUILD = Path(os.environ["BEADLE_BUILD"])
BAD = BUILD / "tests/plugins/bad"
HOST_USER = 66910
ALL = ("--grant", "fanotify", "--grant", "icmp", "--grant", "icmp6")

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="not proven: raw sockets, and users of their own (needs root)")


@pytest.fixture(scope="module", autouse=True)
def modules():
    subprocess.run(["make", "-s", "-C", BUILD, "tests/plugins/bad/holder.so"], check=True)


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="beadle-handed-", dir="/var/tmp") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


def holder(*arguments):
    user = ["--user", HOST_USER] if os.geteuid() == 0 else []
    done = subprocess.run([BUILD / "cli/beadle", "check", BAD / "holder.so", "--json", *map(str, [*user, *arguments])], capture_output=True,
                          text=True, timeout=60, env=os.environ | {"BEADLE_LIBEXEC": str(BUILD)})
    assert done.stdout.startswith("{"), done
    return json.loads(done.stdout)


def values(told, metric):
    return {v["labels"].get("service"): v["value"] for v in told["values"] if v["metric"] == f"holder_{metric}"}


def test_p06_files_are_seen_as_they_change(folder):
    """Those that stand in the folder, and a file by itself; what is below, or beside, is not."""
    (folder / "watched/below").mkdir(parents=True)
    (folder / "file").write_text("1")
    (folder / "beside").write_text("1")

    def change():
        time.sleep(0.5)
        for name in "beside", "watched/below/unseen", "file", "watched/new":    # the last one ends the wait
            with open(folder / name, "w") as file:
                file.write("2")
    thread = threading.Thread(target=change)
    thread.start()
    told = holder("--grant", "fanotify", "-o", f"folders={folder}/watched", "-o", f"folders={folder}/file", "-o", "wait=4000", "-o", "rest=500")
    thread.join()
    assert values(told, "errno") == {"icmp": errno.EPERM, "icmp6": errno.EPERM, "fanotify": 0, "crystal_ball": errno.EPERM}
    seen = {(e["event"], e["fields"]["name"]) for e in told["events"]}
    assert seen == {("written", "file"), ("created", "new"), ("written", "new")}, told


@needs_root
def test_p06_answers_come_and_nothing_else(folder):
    told = holder("--grant", "icmp", "--grant", "icmp6")
    assert told["outcome"] == "ok" and values(told, "answers") == {"icmp": 1, "icmp6": 1} and values(told, "others") == {"icmp": 0, "icmp6": 0}


@needs_root
@pytest.mark.parametrize("misdeed, error, call", [("unlock", errno.EPERM, None), ("other_filter", errno.EPERM, None),
    ("header", errno.EPERM, "setsockopt"), ("header6", errno.EPERM, "setsockopt"), ("header_raw", errno.EPERM, "setsockopt"),
    ("header_high", errno.EPERM, "setsockopt"), ("mark", errno.EPERM, "fanotify_mark"), ("another", errno.EPERM, "fanotify_init"),
    ("socket", errno.EPERM, "socket")])
def test_p06_no_more_than_was_given(folder, misdeed, error, call):
    """The filter stays; no packet has a sender of its own choice; nothing else is marked, and nothing of the kind opened."""
    told = holder(*ALL, "-o", f"folders={folder}", "-o", f"misdeed={misdeed}")
    assert values(told, "errno")["icmp"] == values(told, "errno")["icmp6"] == values(told, "errno")["fanotify"] == 0, told
    assert values(told, "tried") == {None: error}, told
    assert told["outcome"] == ("failed" if call else "ok"), told
    assert not call or told["error"] == f"system calls refused to the plugin: {call}"


def test_c01_a_name_that_is_none_of_the_list():
    done = subprocess.run([BUILD / "cli/beadle", "check", BAD / "holder.so", "--grant", "crystal_ball"], capture_output=True, text=True,
                          env=os.environ | {"BEADLE_LIBEXEC": str(BUILD)})
    assert done.returncode == 2 and '"crystal_ball" is not right here' in done.stderr, done
