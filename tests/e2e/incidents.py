"""A collector that raw agents feed, and what is looked at of its incidents."""
import json
import subprocess

import pytest

import mailserver
from conftest import ENV, wait_for
from raw import Raw
from school import BEADLE, Site

CANARY = "canary-5e1f"
USED = ("disk_space_used_ratio", f"mount=/srv/{CANARY}")
CHEN = {"people": "{chen: {name: 陳志明, mail: chen@school.example}, lin: {name: Lin, mail: lin@school.example, language: en}}",
        "roles": "{computer_room_manager: lin}", "hosts": '{"*": {owner: chen}}'}


def by_mail(server):
    return {**CHEN, "notify": "notify:\n  retry-min: 2s\n  mail: {server: 127.0.0.1, port: %d, security: none, "
            "from: beadle@school.example}" % server.port}


@pytest.fixture
def site(tmp_path):
    made = []

    def make(**more):
        made.append(Site(tmp_path, **more))     # before it is started: stopped even when it does not come up
        return made[-1].start()
    yield make
    for one in made:
        one.stop()


@pytest.fixture
def server():
    made = []

    def make(*behaviours):
        made.append(mailserver.Script(*behaviours))
        return made[-1]
    yield make
    for one in made:
        one.stop()


def identity(site, name):
    folder = site.folder / f"id-{name}"
    if not folder.exists():
        site.beadle("identity", "new", "--host", name, "--out", folder)
    return folder


def raw(site, name="web1", checks=None, **more):
    return Raw(site.port, identity(site, name), name, checks or {"disk": 60}, **more)


def open_ones(site):
    return site.ask("incidents")["incidents"]


def whole(site, number=1):
    return site.ask("incident", number)


def wait_incident(site, state="open", n=1):
    return wait_for(f"{n} incidents, {state}", lambda: len(found := open_ones(site)) == n and found[0]["state"] == state and found)


def steps(site, number=1):
    return [s["what"] for s in whole(site, number)["steps"]]


def events(site, number=1):
    return [s for s in whole(site, number)["steps"] if s["what"] == "event"]


def doctor(site):
    return [f["what"] for f in json.loads(subprocess.run([BEADLE, "doctor", "--json", "--collector-config", site.config], env=ENV,
                                                          capture_output=True, text=True).stdout)["findings"]]
