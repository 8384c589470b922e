"""What a person types wrongly is told in one line: file, line, what, and what is expected."""
import os
import re
import subprocess

import pytest

from conftest import ENV, SOURCE
from school import COLLECTOR
from passable import passable

CONFIG = """school: trial
language: zh-TW
state: /var/lib/beadle/collector
procedure: procedure/TWVS-ISMS-B-007.yaml
listen: {agents: "127.0.0.1:7411", web: "127.0.0.1:8443"}
people:
  admin: {name: Admin, mail: root@localhost}
roles: {computer_room_manager: admin}
hosts:
  "*": {owner: admin}
"""
PROCEDURE = (SOURCE / "conf.d/procedure/TWVS-ISMS-B-007.yaml").read_text()


def line_of(text, part):
    return text[:text.index(part)].count("\n") + 1


@pytest.mark.parametrize("old, new, told", [
    ("school: trial", "school: Trial School", "collector.yaml:1: school: \"Trial School\": expected a short name in a-z 0-9 . -"),
    ("school: trial", "school:trial", "collector.yaml:2: "),
    ("  admin: {", "\tadmin: {", "collector.yaml:7: "),
    ("\"*\": {", "*: {", "collector.yaml:10: "),
    ("7411", "74110", "collector.yaml:5: agents: \"127.0.0.1:74110\": expected ADDRESS:PORT"),
    (":8443", "", "collector.yaml:5: web: \"127.0.0.1\": expected ADDRESS:PORT"),
    ("zh-TW", "zh-tw", "collector.yaml:2: language: \"zh-tw\": expected one of zh-TW, en"),
    ("root@localhost", "root", "collector.yaml:7: admin: root: not a mail address"),
    ("root@localhost", "ch..en@school.example", "collector.yaml:7: admin: ch..en@school.example: not a mail address"),
    ("root@localhost", "陳@school.example", "collector.yaml:7: admin: 陳@school.example: not a mail address"),
    ("owner: admin", "owner: admni", "collector.yaml:10: owner: admni: nobody of that name in people (did you mean \"admin\"?)"),
    ("language:", "langauge:", "collector.yaml:2: langauge: is not known here (did you mean \"language\"?)"),
    ("roles: {computer_room_manager: admin}", "roles: {}", "collector.yaml: roles: computer_room_manager has no person"),
    ("TWVS-ISMS", "TWVS", "procedure/TWVS-B-007.yaml: cannot be read: No such file or directory"),
])
def test_in_the_collectors_file(tmp_path, old, new, told):
    assert check(tmp_path, CONFIG.replace(old, new, 1), PROCEDURE, told)


@pytest.mark.parametrize("old, new, told", [
    ('critical: {at_least: "85 %"', "critical: {at_least: 85", "at_least: 85: is more than the whole (expected \"85 %\")"),
    ('critical: {at_least: "85 %"', 'critical: {at_least: "850 %"', "at_least: 850 %: is more than the whole"),
    ('clear: "83 %"', 'clear: "88 %"', "clear: 88 %: is on the bad side of the bound"),
    ("metric: disk_space_used_ratio", "metric: disk_used_ratio", "metric: disk_used_ratio: no plugin measures it (did you mean \"disk_space_used_ratio\"?)"),
    ("after: 30min", "after: 30", "after: \"30\": expected a duration"),
    ("role: deputy", "role: deptuy", "role: deptuy: no such role (did you mean \"deputy\"?)"),
    ("clause: 5.3.3", "clause: 5,3,3", "clause: 5,3,3: not a clause number"),
])
def test_in_the_procedure(tmp_path, old, new, told):
    at = line_of(PROCEDURE, old)
    assert check(tmp_path, CONFIG, PROCEDURE.replace(old, new, 1), f"procedure/TWVS-ISMS-B-007.yaml:{at}: {told}")


@pytest.mark.skipif(os.geteuid() != 0, reason="not proven: only root can be read where another user cannot")
def test_a_file_that_the_programs_user_may_not_read(tmp_path):
    (tmp_path / "procedure").mkdir()
    (tmp_path / "collector.yaml").write_text(CONFIG)
    (tmp_path / "procedure/TWVS-ISMS-B-007.yaml").write_text(PROCEDURE)
    passable(tmp_path)
    (tmp_path / "collector.yaml").chmod(0o600)
    done = subprocess.run([COLLECTOR, "--check-config", "--config", tmp_path / "collector.yaml"], env=ENV, capture_output=True, text=True)
    told = (done.stdout + done.stderr).splitlines()
    assert done.returncode == 1 and len(told) == 1, told
    assert re.search(r"collector.yaml: the user beadle\S* may not read it: let it, with chmod or chgrp", told[0]), told


def check(folder, config, procedure, told):
    """Exactly one line, which begins so; and as it was, there is none."""
    (folder / "procedure").mkdir()
    (folder / "collector.yaml").write_text(config)
    (folder / "procedure/TWVS-ISMS-B-007.yaml").write_text(procedure)
    passable(folder)		# the notifier's user reads the file as well
    done = subprocess.run([COLLECTOR, "--check-config", "--config", folder / "collector.yaml"], env=ENV, capture_output=True, text=True)
    lines = (done.stdout + done.stderr).splitlines()
    assert done.returncode == 1 and len(lines) == 1 and told in lines[0], lines
    return True
