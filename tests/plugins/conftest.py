"""A plugin run once by `beadle check`, under the host that runs it in production."""
import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from sanitized import crashes, last_reports, no_reports  # noqa: E402,F401

BUILD = Path(os.environ["BEADLE_BUILD"])
SOURCE = Path(os.environ["BEADLE_SOURCE"])


class Round:
    """What one round reported."""

    def __init__(self, document, status):
        self.document, self.status = document, status
        self.outcome, self.output = document["outcome"], document["output"]
        self.skips = {s["what"]: s["error"] for s in document["skips"]}
        self.events = [e | e["fields"] for e in document["events"]]

    @staticmethod
    def _of(rows, key, name, labels):
        return [r["value"] for r in rows if r[key] == name and labels.items() <= r.get("labels", {}).items()]

    def value(self, metric, **labels):
        """The one value of a metric; None when there is none."""
        found = self._of(self.document["values"], "metric", metric, labels)
        assert len(found) <= 1, f"{metric} {labels}: {found}"
        return found[0] if found else None

    def fact(self, name, **labels):
        found = self._of(self.document["facts"], "fact", name, labels)
        return found[0] if found else None

    def labels(self, metric, label):
        """All values of a label that the metric was reported with."""
        return {v["labels"][label] for v in self.document["values"] if v["metric"] == metric}

    def events_named(self, name):
        return [e for e in self.events if e["event"] == name]


@pytest.fixture
def check():
    """check("disk", mounts=["/", "/srv"], state=folder, within="30s", grant=["procscan"], user=1234) -> Round."""

    def run(plugin, state=None, within="60s", grant=(), user=None, fails=False, environment=None, inside=None, around=None, **options):
        build = "/beadle" if inside else BUILD
        command = [f"{build}/cli/beadle", "check", f"{build}/plugins/{plugin}/{plugin}.so", "--json", "--timeout", within]
        command += ["--state", state] if state else []
        command += ["--user", str(user)] if user else []
        for g in grant:
            command += ["--grant", g]
        for name, value in options.items():
            for item in value if isinstance(value, (list, tuple)) else [value]:
                command += ["-o", f"{name}={item}"]
        if inside:
            command = inside.command("env", f"BEADLE_LIBEXEC={build}", "BEADLE_WALLS=kill", *command)
        if around:
            command = around.command(*command)
        done = subprocess.run(command, capture_output=True, text=True, timeout=300,
                              env=os.environ | {"BEADLE_LIBEXEC": str(BUILD), "BEADLE_WALLS": "kill"} | (environment or {}))
        if fails and not done.stdout.startswith("{"):
            return done.stderr
        assert done.stdout.startswith("{"), f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return Round(json.loads(done.stdout), done.returncode)

    return run


@pytest.fixture
def kept(check, tmp_path):
    """check, with a state folder that lasts for the test."""
    return functools.partial(check, state=tmp_path / "state")
