"""beadle, the operator's command, at a real site: every command, with and without --json, its exit codes and its words."""
import datetime
import json
import os
import pty
import pwd
import re
import shutil
import subprocess
import time

import pytest

from certs import Authority, now
from conftest import ENV, SOURCE, wait_for
from school import BEADLE, COLLECTOR, Site

DISK = ('warning: {at_least: "80 %", clear: "78 %"}\n    critical: {at_least: "85 %", clear: "83 %", stated: yes}',
        'critical: {at_least: "0.002 %", clear: "0.001 %", stated: yes}')


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """One host whose disk is above its bound, so that one incident is open."""
    def lower(procedure):
        assert DISK[0] in procedure
        return procedure.replace(*DISK, 1)
    site = Site(tmp_path_factory.mktemp("c"), edit_procedure=lower).start()
    try:
        site.agent("web1", {"disk": ("disk", "1s", ""), "system": ("system", "1s", "")}).start()
        wait_for("an incident", lambda: site.ask("incidents")["incidents"], 60)
        wait_for("values of both checks", lambda: all(c["series"] for c in site.ask("hosts", host(site))["checks"]), 60)
        yield site
    finally:
        site.stop()


def host(site):
    return site.ask("hosts")["hosts"][0]["name"]


def run(*arguments, **more):
    """(exit code, stdout, stderr) without a site's socket."""
    done = subprocess.run([BEADLE, *map(str, arguments)], env={**ENV, **more}, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def at(site, *arguments, **more):
    return run("--socket", site.socket, *arguments, **more)


# ---- looking ----

def test_status(site):
    code, out, _ = at(site, "status")
    assert code == 1, "something is critical"
    assert "TWVS-ISMS-B-007 v3.0" in out and "1, 1 connected, 0 gone" in out and "1 open, 1 not acknowledged" in out
    code, out, _ = at(site, "--json", "status")
    assert code == 1 and json.loads(out)["incidents"] == {"open": 1, "unacknowledged": 1}
    assert at(site, "status", "--json")[1].startswith("{")


def test_hosts(site):
    name = host(site)
    code, out, _ = at(site, "hosts")
    assert code == 0 and re.search(rf"^{name} +critical +connected +1 +Admin +\S+ +[+-]?[\d.]+ [mun]?s$", out, re.M)
    code, out, _ = at(site, "hosts", name)
    assert code == 0 and re.search(r"^disk +disk_space_used_ratio +mount=/\S* +[\d.]+ % +critical", out, re.M)
    assert re.search(r"^system +system_cpu_used_ratio ", out, re.M)
    document = site.ask("hosts", name)
    assert document["state"] == "critical" and {c["name"] for c in document["checks"]} == {"disk", "system"}


def test_incidents(site):
    code, out, _ = at(site, "incidents")
    assert code == 0 and re.search(rf"^1 +{host(site)} +INC-A +critical +open .* 5\.3\.3 +Disk space used$", out, re.M)
    assert [i["id"] for i in site.ask("incidents", "--host", host(site))["incidents"]] == [1]
    assert [i["id"] for i in site.ask("incidents", "--all")["incidents"]] == [1]
    code, out, _ = at(site, "incident", "1")
    assert code == 0
    assert re.search(r"^disk +disk_space_used_ratio +mount=/\S*: [\d.]+ % +0\.002 % +critical .* 5\.3\.3$", out, re.M)
    assert re.search(r" system +opened ", out) and re.search(r" owner +admin +mail ", out)
    assert site.ask("incident", "1")["clauses"] == ["5.3.3"]


# ---- acting: in the order of an incident's life ----

def test_an_incident_is_acknowledged_handled_and_not_closed_while_it_lasts(site):
    code, out, _ = at(site, "ack", "1", "--for", "2h", "--note", "new disk is on its way")
    assert (code, out) == (0, "incident 1: acknowledged\n")
    assert at(site, "handle", "--note", "disk is in", "1")[0] == 0
    document = site.ask("handle", "1", "--note", "cleaned up")
    assert document["state"] == "acknowledged" and document["handled"] and document["acknowledged_by"] == pwd.getpwuid(os.geteuid()).pw_name
    left = document["acknowledged_until_at"] - document["opened_at"]
    assert 7100e9 < left < 7500e9, "two hours"
    code, out, err = at(site, "close", "1", "--note", "done")
    assert (code, out) == (1, "") and err == "beadle: a finding of incident 1 is still critical, or the collector's own: it can be closed once that is over\n"
    steps = [(s["what"], s["detail"]) for s in site.ask("incident", "1")["steps"]]
    assert ("acknowledged", "new disk is on its way") in steps and ("handled", "cleaned up") in steps
    assert at(site, "status")[1].count("1 open, 0 not acknowledged") == 1


# ---- identities ----

def test_identity(site, tmp_path):
    folder = tmp_path / "web2"
    code, out, _ = at(site, "identity", "new", "--host", "web2", "--out", folder)
    assert code == 0 and out.startswith(f"{folder}: identity of ")
    assert {p.name: oct(p.stat().st_mode & 0o777) for p in folder.iterdir()} == {"ca.pem": "0o644", "cert.pem": "0o644", "key.pem": "0o600"}
    key = (folder / "key.pem").read_bytes()
    code, out, err = at(site, "identity", "new", "--host", "web3", "--out", folder)
    assert (code, out) == (1, "") and "an identity is here already" in err
    assert (folder / "key.pem").read_bytes() == key, "a server's key is not written over"
    document = json.loads(at(site, "--json", "identity", "new", "--host", "web3", "--out", tmp_path / "web3")[1])
    assert document["host"] == "web3" and (tmp_path / "web3/cert.pem").read_text() == document["certificate"]
    code, out, err = at(site, "identity", "new", "--host", "web3", "--out", tmp_path / "again")
    assert (code, out) == (1, "") and "web3 has an identity already" in err and "--replace" in err and "identity revoke web3" in err
    assert not (tmp_path / "again").exists()
    other = json.loads(at(site, "--json", "identity", "new", "--host", "web3", "--out", tmp_path / "again", "--replace")[1])
    assert other["uuid"] == document["uuid"] and other["certificate"] != document["certificate"], "its history goes on"
    code, _, err = at(site, "identity", "new", "--host", "web9", "--out", tmp_path / "web9", "--replace")
    assert code == 5 and "web9 has no identity" in err
    given = {i["host"]: i for i in json.loads(at(site, "--json", "identity", "list")[1])["identities"]}
    assert given["web3"]["generation"] == 2 and given["web2"]["generation"] == 1
    assert abs(given["web3"]["not_after_at"] / 10**9 - time.time() - 397 * 86400) < 3600
    assert re.search(r"^web3 +not seen +2 ", at(site, "identity", "list")[1], re.M)


def test_nothing_is_left_of_an_identity_that_was_not_made(tmp_path):
    assert run("--socket", tmp_path / "none", "identity", "new", "--host", "a", "--out", tmp_path / "a")[0] == 3
    assert not (tmp_path / "a").exists()


# ---- exit codes ----

@pytest.mark.parametrize("arguments", [("hosts", "nope"), ("incident", "99"), ("ack", "99"), ("handle", "99", "--note", "x"),
                                       ("close", "99", "--note", "x"), ("incidents", "--host", "nope")], ids=" ".join)
def test_5_not_found(site, arguments):
    code, out, err = at(site, *arguments)
    assert (code, out) == (5, "") and re.fullmatch(r"beadle: no [^\n]+\n", err)


@pytest.mark.parametrize("arguments", [("status",), ("hosts",), ("incidents",), ("incident", "1"), ("ack", "1"),
                                       ("handle", "1", "--note", "x"), ("close", "1", "--note", "x")], ids=" ".join)
def test_3_no_collector(tmp_path, arguments):
    code, out, err = run("--socket", tmp_path / "none.sock", *arguments)
    assert (code, out) == (3, "") and err.count("\n") == 1 and "no collector listens here" in err
    assert run(*arguments, BEADLE_SOCKET=str(tmp_path / "other.sock"))[2].startswith(f"beadle: {tmp_path}/other.sock: ")


def test_4_not_allowed(site):
    if os.geteuid() != 0:
        pytest.skip("not proven: another user needs root")
    command = [shutil.which("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups", BEADLE, "--socket", site.socket, "status"]
    if subprocess.run(command[:4] + ["test", "-x", BEADLE]).returncode:
        pytest.skip("not proven: another user cannot reach the build tree")
    done = subprocess.run(command, env=ENV, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (4, "") and "beadle-operator" in done.stderr and done.stderr.count("\n") == 1


MISUSE = {
    "": "usage: beadle", "nope": 'no command is named "nope"', "hots": '(did you mean "hosts"?)', "--foo": "--foo is no option",
    "--socket": "--socket needs a path", "status x": "takes no arguments", "hosts a b": "at most one host",
    "hosts --foo": "--foo is no option here", "incidents --foo": "--foo is no option here", "incidents --host": "--host needs a value",
    "incidents --all=x": "takes no value", "incidents x": 'does not know "x"', "incident": "needs the number", "incident x": "needs the number",
    "incident 0": "needs the number", "incident 99999999999999999999": "needs the number", "ack": "needs the number",
    "ack 1 --for soon": "expected a duration", "ack 1 --for 8d": "from 1min to 7d", "ack 1 --for 1s": "from 1min to 7d",
    "ack 1 -x": "-x is no option here", "ack 1 2": "needs the number", "handle 1": "needs --note", "close 1": "needs --note",
    "close 1 --note x --for 1h": "--for is no option here", "identity": "needs one of new, list, revoke", "identity revoke": "needs the name of one host", "identity list --replace": "belong to",
    "token": "needs one of new, list, revoke, approve", "token new": "new needs --host", "token list --replace": 'belong to "new"',
    "token new --host a --hours x": "needs a whole number", "token revoke": "needs the token's number", "token approve x": "needs the token's number",
    "enroll a b": "takes one token", "enroll --host": "--host needs a value",
    "identity new --host a": "needs --host and --out", "doctor --foo": "--foo is no option here", "completion": "knows the shell bash",
    "completion tcsh": "knows the shell bash",
}


@pytest.mark.parametrize("line", MISUSE)
def test_2_misuse_is_told_in_one_clear_line(tmp_path, line):
    code, out, err = run("--socket", tmp_path / "none", *line.split()) if not line.startswith("--socket") else run(*line.split())
    assert (code, out) == (2, "") and MISUSE[line] in err.splitlines()[0]
    if line:
        told = err.splitlines()
        assert told[0].startswith("beadle") and len(told) <= 1 + (1 if told[-1].startswith("usage: beadle ") else 3), err


def test_help_names_every_command_and_version_the_version():
    code, out, _ = run("--help")
    assert code == 0 and "Exit codes: 0 done, 1 failed" in out and all(f"\n  {c} " in out for c in ("status", "ack", "doctor", "check"))
    assert run("--version")[1].startswith("beadle 0")


# ---- colours ----

def on_terminal(arguments, **more):
    """What a terminal gets."""
    master, slave = pty.openpty()
    process = subprocess.Popen(list(map(str, arguments)), stdout=slave, env={**{k: v for k, v in ENV.items() if k != "NO_COLOR"}, **more})
    os.close(slave)
    shown = b""
    try:
        while part := os.read(master, 65536):
            shown += part
    except OSError:
        pass            # Linux: the other end is closed
    os.close(master)
    process.wait()
    return shown.decode()


def test_colours_only_on_a_terminal(site):
    command = [BEADLE, "--socket", site.socket, "hosts"]
    assert "\033[31mcritical\033[0m" in on_terminal(command)
    assert "\033" not in on_terminal(command, NO_COLOR="1")
    assert "\033" not in at(site, "hosts")[1]
    assert "\033" not in on_terminal([*command, "--json"])


# ---- completion ----

@pytest.mark.parametrize("line, expected", [("beadle sta", {"status"}), ("beadle in", {"incidents", "incident"}),
                                            ("beadle ack 1 --n", {"--note"}), ("beadle doctor --a", {"--agent-config"}),
                                            ("beadle identity ", {"new", "list", "revoke", "--host", "--out", "--replace", "--json"})])
def test_completion(line, expected):
    code, script, _ = run("completion", "bash")
    assert code == 0
    words = line.split(" ")
    ask = f'{script}\nCOMP_WORDS=({" ".join(repr(w) for w in words)})\nCOMP_CWORD={len(words) - 1}\n_beadle\nprintf "%s\\n" "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "--norc", "-c", ask], capture_output=True, text=True)
    assert done.stderr == "" and set(done.stdout.split()) == expected


# ---- doctor ----

def doctor(site, *more, code=None):
    agent = site.agents[0].folder / "agent.yaml" if site.agents else site.folder / "none"
    done = subprocess.run([BEADLE, "doctor", "--json", "--collector-config", site.config, "--agent-config", agent, *more],
                          env={k: v for k, v in ENV.items() if k != "BEADLE_SOCKET"}, capture_output=True, text=True)
    assert code is None or done.returncode == code, done.stdout
    return {f["what"]: f for f in json.loads(done.stdout)["findings"]}


def bad(findings):
    return {what: f for what, f in findings.items() if f["level"] != "ok"}


@pytest.fixture
def patient(site):
    """The site as it is; what a test plants is taken out again."""
    undo = []
    yield site, undo
    for act in reversed(undo):
        act()


def test_doctor_finds_the_site_well_but_for_its_mail(site):
    """It needs no --socket: the collector's own file says where its socket is."""
    findings = doctor(site, code=1)
    assert "collector: answers" in findings and "beadle-collector: runs" in findings and "beadle-core: runs" in findings
    gaps = {what for what, f in bad(findings).items() if f["mend"] == "name a person at roles: in collector.yaml"}
    assert "role ciso: nobody holds it, and the procedure tells it of INC-A and others" in gaps
    assert not any("computer_room_manager" in what or "vendor" in what for what in gaps), "the one is held, the other told by hand"
    untold = {what for what in bad(findings) if re.fullmatch(r"notice to admin by mail of incident \d+: given up after 1 try", what)}
    assert untold and bad(findings).keys() - gaps - untold == {
        "notices: no mail server is configured, nobody is told by mail",
        "log-in: who holds a password can change and sign, without a second factor"}, bad(findings)


def test_doctor_finds_a_key_that_others_can_read(patient):
    site, undo = patient
    key = site.agents[0].folder / "identity/key.pem"
    os.chmod(key, 0o644)
    undo.append(lambda: os.chmod(key, 0o600))
    found = bad(doctor(site, code=1))[f"{key}: others can read this key"]
    assert found["level"] == "critical" and found["mend"].startswith(f"chmod 600 {key}") and "beadle enroll" in found["mend"]


@pytest.mark.parametrize("days, level, what", [(-3, "critical", "expired 3 days ago"), (20, "warning", "ends in 20 days")])
def test_doctor_finds_certificates_at_their_end(patient, tmp_path, days, level, what):
    site, undo = patient
    ca = Authority("twvs")
    for folder, kind in ((site.agents[0].folder / "identity", "agent"), (site.state / "identity", "collector"), (site.state / "web", "collector")):
        cert, kept = folder / "cert.pem", folder / "cert.kept"
        cert.rename(kept)
        undo.append(lambda cert=cert, kept=kept: kept.rename(cert))
        ca.folder(kind, "x", tmp_path / folder.name / kind, begin=now() - datetime.timedelta(days=400),
                  end=now() + datetime.timedelta(days=days, hours=-12 if days < 0 else 12))
        shutil.copy(tmp_path / folder.name / kind / "cert.pem", cert)
    findings = bad(doctor(site, code=1))
    for folder, mend in ((site.agents[0].folder / "identity", "beadle token new --host NAME"), (site.state / "identity", "beadle-collector init"),
                         (site.state / "web", "beadle-collector init")):
        found = findings[f"{folder}/cert.pem: {what}"]
        assert found["level"] == level and mend in found["mend"]


def test_doctor_finds_a_wrong_configuration_and_shows_the_line(patient):
    site, undo = patient
    text = site.config.read_text()
    site.config.write_text(text.replace("language: zh-TW", "langauge: zh-TW") + "notify: {mail: {server: 'a b', from: x@y, securty: tls}}\n")
    undo.append(lambda: site.config.write_text(text))
    done = subprocess.run([BEADLE, "doctor", "--collector-config", site.config, "--agent-config", site.folder / "none"], env=ENV,
                          capture_output=True, text=True)
    assert done.returncode == 1 and re.search(rf"^critical +{site.config}: has mistakes.* +mend what beadle-collector --check-config", done.stdout, re.M)
    assert 'langauge: is not known here (did you mean "language"?)' in done.stderr
    assert 'securty: is not known here (did you mean "security"?)' in done.stderr, "the notifier's part is checked, too"


def test_every_mistake_of_the_collectors_file_is_told_at_once(patient):
    """C1: three programs read it, one command checks it."""
    site, undo = patient
    text = site.config.read_text()
    undo.append(lambda: site.config.write_text(text))
    site.config.write_text(re.sub("listen: .*", 'listen: {agents: "monitor:1", wab: "x"}', text) +
                           "retention: 3d\nnotify: {mail: {server: m, from: nobody, password-file: /nonexistent}, retry_min: 5s}\n")
    done = subprocess.run([COLLECTOR, "--check-config", "--config", site.config], env=ENV, capture_output=True, text=True)
    lines = done.stderr.splitlines()
    assert done.returncode == 1
    for part in ("retention: ", "agents: \"monitor:1\"", "wab: ", "from: \"nobody\"", "/nonexistent cannot be read", "retry_min: "):
        assert len([line for line in lines if part in line]) == 1, (part, lines)
    assert all(re.match(rf"{site.config}:\d+: ", line) for line in lines), lines
    site.config.write_text("a: [")
    done = subprocess.run([COLLECTOR, "--check-config", "--config", site.config], env=ENV, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.count("did not find expected node content") == 1, done.stderr


def test_a_password_that_only_root_may_read_is_no_use_to_the_notifier(site):
    users = {user.pw_name for user in pwd.getpwall()}
    if os.geteuid() != 0 or not {"beadle-collector", "beadle-signer", "beadle-notify", "beadle-web"} <= users:
        pytest.skip("not proven: needs root, and the users of beadle.conf")
    secret, config = site.folder / "mail.password", site.folder / "secret.yaml"
    secret.write_text("sesame\n")
    secret.chmod(0o600)
    config.write_text(site.config.read_text() + f"notify: {{mail: {{server: m, from: b@school.example, password-file: {secret}}}}}\n")
    check = [COLLECTOR, "--check-config", "--config", config]
    done = subprocess.run(check, env=ENV, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "chown beadle-notify" in done.stderr
    shutil.chown(secret, "beadle-notify")
    done = subprocess.run(check, env=ENV, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_doctor_finds_that_nothing_runs(tmp_path):
    site = Site(tmp_path)
    findings = bad(doctor(site, code=1))
    found = findings[f"{site.socket}: the collector does not answer"]
    assert found["level"] == "critical" and "systemctl start beadle-collector" in found["mend"]


def test_doctor_finds_a_missing_identity_and_no_installation(tmp_path):
    (tmp_path / "agent.yaml").write_text(f"collector: 127.0.0.1:1\nstate: {tmp_path}/state\n")
    code, out, _ = run("doctor", "--json", "--agent-config", tmp_path / "agent.yaml", "--collector-config", tmp_path / "none")
    findings = {f["what"]: f for f in json.loads(out)["findings"]}
    assert code == 1 and "token new" in findings[f"{tmp_path}/state/identity/cert.pem: no certificate that can be read"]["mend"]
    assert f"{tmp_path}/state/identity/key.pem: No such file or directory" in findings
    code, out, _ = run("doctor", "--agent-config", tmp_path / "a", "--collector-config", tmp_path / "b")
    assert code == 1 and re.search(r"^critical +neither .* is here +install one", out, re.M)


# ---- check: one plugin, once ----

def test_check(tmp_path):
    code, out, err = run("check", "disk", "-o", "mounts=/")
    assert code == 0, err
    assert re.search(r"disk_space_used_ratio", out)
    document = json.loads(run("--json", "check", "disk", "-o", "mounts=/")[1])
    assert document["plugin"] == "disk" and document["state"] == "OK"
    assert run("check", "disk", "-o", "mounts=/", "--critical", "disk_space_used_ratio=0%")[0] == 1
    code, out, _ = run("check", "disk", "-o", "mounts=/", "--nagios", "--critical", "disk_space_used_ratio=0%")
    assert code == 2 and out.startswith("disk CRITICAL - ") and "|" in out
    assert run("check", "nosuch")[0] == 1
