"""What a person types wrongly is told in one line: file, line, what, and what is expected."""
import os
import re
import subprocess

import pytest

from conftest import ENV, SOURCE
from school import AGENT, COLLECTOR
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
    assert done.returncode == 1
    users = [re.fullmatch(r".*collector.yaml: the user (\S+) may not read it: let it, with chmod or chgrp, .*", line)[1] for line in told]
    assert users == ["beadle-collector", "beadle-notify"], told     # each process's, in one line


# The file as a person writes it, and what is said of the line: what only the plugin itself can know.
CHECKS = """\
checks:
  service:
    options:
      endpoints:
        - good tcp=127.0.0.1:80
        - web tpc=1                                 #! service: endpoints: web: "tpc" is not known here: expected tcp= unix=
      processes: ["x exe=relative"]                 #! service: processes: x: expected an absolute path
  antivirus:
    options: {engine: clam}                         #! antivirus: engine: "clam": expected auto, clamav or defender
  patch:
    options:
      manager: pacman                               #! patch: manager: "pacman": expected auto, apt or dnf
  patch2:
    plugin: patch
    options: {support: forever}                     #! patch2: support: "forever": expected standard, lts or extended
  clock:
    options:
      samples: 99                                   #! clock: samples: 99: expected 1 to 16
      wait: 50s                                     #! clock: wait: expected more than nothing and at most 10s
  integrity:
    options:
      rehash: sometimes                             #! integrity: rehash: "sometimes": expected changed or always
      paths: [/etc, usr/lib]                        #! integrity: paths: "usr/lib": expected an absolute path
      threads: 17                                   #! integrity: threads: 17: expected 1 to 16
"""


def test_c01_in_what_only_a_plugin_knows(tmp_path):
    """All of them in one run; and the file without them is a right one."""
    def ask(checks):
        (tmp_path / "agent.d").mkdir(exist_ok=True)
        (tmp_path / "agent.yaml").write_text(f"collector: 127.0.0.1:7411\nidentity: {tmp_path}/i\nstate: {tmp_path}/s\n")
        (tmp_path / "agent.d/a.yaml").write_text(checks)
        done = subprocess.run([AGENT, "--check-config", "--config", tmp_path / "agent.yaml"], env=ENV, capture_output=True, text=True)
        return done.returncode, (done.stdout + done.stderr).splitlines()

    wanted = [f"{tmp_path}/agent.d/a.yaml:{n}: {line.split('#! ')[1]}" for n, line in enumerate(CHECKS.splitlines(), 1) if "#! " in line]
    status, said = ask(CHECKS)
    missing = [w for w in wanted if not any(line.startswith(w) for line in said)]
    assert status == 1 and not missing and len(said) == len(wanted), (missing, said)
    assert not (tmp_path / "s").exists()
    right = CHECKS
    for old, new in (("tpc=1 ", "tcp=[::1]:1 "), ("exe=relative", "exe=/usr/bin/x"), ("clam}", "clamav}"), ("pacman ", "apt "),
                     ("forever}", "lts}"), ("99 ", "9 "), ("50s ", "5s "), ("sometimes ", "always "), (" usr/lib", " /usr/lib"), ("17 ", "7 ")):
        assert old in right
        right = right.replace(old, new, 1)
    assert ask(right) == (0, [])


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
