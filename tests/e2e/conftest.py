"""A whole site: the real collector and real agents, each test with its own folder, certificates and free ports."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from sanitized import crashes, last_reports, no_reports  # noqa: E402,F401

BUILD = pathlib.Path(os.environ["BEADLE_BUILD"])
SOURCE = pathlib.Path(os.environ["BEADLE_SOURCE"])
# A system call that no process of ours is to make ends it, and fails the test; in use it is refused and told.
ENV = {**os.environ, "BEADLE_LIBEXEC": str(BUILD), "BEADLE_WALLS": "kill", "LC_ALL": "C.UTF-8"}


def wait_for(what, until, timeout=30, every=0.1):
    """Polls until() and returns its first true value; says what was waited for when it never comes."""
    end = time.monotonic() + timeout
    while True:
        value = until()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(every)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def lives(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


class Program:
    """A program of ours in the foreground, its log in a file."""

    def __init__(self, argv, log, env=None):
        self.argv, self.log, self.env = [str(a) for a in argv], pathlib.Path(log), {**ENV, **(env or {})}
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.env,
                                            start_new_session=True)
        return self

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def wait_log(self, pattern, timeout=30):
        def found():
            if self.process.poll() is not None and not re.search(pattern, self.text()):
                raise AssertionError(f"{self.argv[0]} ended with {self.process.returncode}:\n{self.text()[-3000:]}")
            return re.search(pattern, self.text())
        return wait_for(f"/{pattern}/ in {self.log}", found, timeout)

    def children(self):
        """Process ids of everything below it, with their program names."""
        found, todo = {}, [self.process.pid]
        while todo:
            pid = todo.pop()
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    for child in map(int, open(f"/proc/{pid}/task/{task}/children").read().split()):
                        # Not its exe: a program that may not be dumped shows that to root alone.
                        argv0 = open(f"/proc/{child}/cmdline", "rb").read().split(b"\0")[0]
                        found[child] = os.path.basename(argv0.decode())
                        todo.append(child)
            except OSError:
                pass
        return found

    def stop(self, timeout=20):
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"{self.argv[0]} did not end within {timeout} s of SIGTERM:\n{self.text()[-3000:]}")
        return self.process.returncode

    def kill(self):
        """SIGKILL to all of it at once."""
        if self.process and self.process.poll() is None:
            pids = [self.process.pid, *self.children()]
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.process.wait()
            wait_for("all of them are gone", lambda: not any(map(lives, pids)))     # with the ports that they held
