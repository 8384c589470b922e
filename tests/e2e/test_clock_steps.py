"""The collector's own wall clock leaps about, as with a dead battery or a wrong reference (R12): a real collector, clock.c preloaded."""
import datetime
import pathlib
import re
import shutil
import sqlite3
import time

import pytest

from clocks import Clock
from conftest import BUILD, wait_for
from incidents import CHEN, USED, by_mail, doctor, identity, open_ones, raw, server  # noqa: F401
from intake import Intake, RawAgent, batch, hello, parse, record, series
from school import CALM, Site
from test_journal import actions, both, read_through, witnessed
from test_people import Person

STEPS = ["0s", "+1d", "-1d", "+1h", "-1h", "-10y", "+75y", "0s"]


@pytest.fixture
def collector(tmp_path):
    intake = Intake(tmp_path)
    intake.clock = Clock(tmp_path / "identity/clock")
    intake.env.update(intake.clock.env)
    begin = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=30)
    intake.agent(begin=begin)           # issued a while ago, so that it was valid yesterday
    yield intake.start()
    if intake.process.poll() is None:
        intake.stop()


def stored(store):
    """Sequences of all days, and how many days there are."""
    sequences, days = [], sorted(store.glob("raw-*.db"))
    for day in days:
        with sqlite3.connect(f"file:{day}?mode=ro", uri=True) as db:
            sequences += [n for n, in db.execute("SELECT sequence FROM result")]
    return sorted(sequences), len(days)


def test_r12_the_collectors_clock_steps_while_agents_send(collector):
    """No agent is let go, each result is kept once, no day's file goes; and the next start at any hour goes on from there."""
    agent, n = collector.connect(), 0

    def send():
        nonlocal n
        n += 1
        agent.send(batch(n, [record(at=time.time_ns())], define=series()))
        assert agent.held(n) == n
    for step in STEPS:
        collector.clock.set(step)
        time.sleep(0.2)
        for _ in range(3):
            send()
    told = collector.text()
    assert told.count(": connected") == 1 and "closed" not in told and "error" not in told, told
    agent.close()
    for step in ("+1d", "-1d", "0s"):
        collector.stop()
        collector.clock.set(step)
        collector.start()
        agent = collector.connect()
        send()
        agent.close()
    collector.stop()
    sequences, days = stored(collector.store)
    assert sequences == list(range(1, n + 1))
    assert days >= 3, "the days that the clock claimed are there"


def expired(collector):
    """An agent whose certificate ended ten days ago."""
    ends = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=10)
    return collector.agent(2, begin=ends - datetime.timedelta(days=30), end=ends)


def refused(collector):
    uuid, identity = expired(collector)
    agent = RawAgent(collector.port, identity)
    agent.send(hello(uuid))
    return agent.receive() is None


def stated(collector):
    """The time, in s, that an agent is told; its certificate is good."""
    uuid, identity = collector.agent()
    agent = RawAgent(collector.port, identity)
    told = agent.greet(uuid)
    agent.close()
    return parse(told[1][0])[1][0] / 1e9


def kept(store):
    """The time that the store keeps for the next start; None: none yet."""
    with sqlite3.connect(f"file:{store}/main.db?mode=ro", uri=True) as db:
        return db.execute("SELECT json FROM setting WHERE key = 'clock'").fetchone()


def test_r12_no_certificate_ends_by_a_clock_that_is_suspect(collector):
    """New connections at any hour, while it runs and after a restart, and agents are told the time as it is; by a clock that is believed a
    certificate that is over is refused."""
    assert refused(collector) and "certificate refused: expired" in collector.text()
    wait_for("the time is kept", lambda: kept(collector.store))
    for step in ("-10y", "-2h", "+2h", "+75y"):
        collector.clock.set(step)
        assert abs(stated(collector) - time.time()) < 60
        assert not refused(collector)
    for step in ("+75y", "-10y"):
        collector.stop()
        collector.clock.set(step)
        collector.start()
        assert abs(stated(collector) - time.time()) < 60
        assert not refused(collector)
    assert "refused" not in collector.text()
    collector.clock.set("0s")
    assert refused(collector), "it is back, and so is believed"
    collector.stop()
    collector.clock.set("+20m")
    collector.start()
    collector.connect(1).close()
    assert refused(collector), "twenty minutes are no reason"


def test_r12_nothing_is_deleted_for_its_age_while_the_clock_is_suspect(collector):
    """By a clock that is believed the older days are deleted at the start. Ahead of what was kept by seventy-five years they stay."""
    collector.config.write_text(collector.config.read_text() + "retention: 92d\n")
    agent = collector.connect()
    wait_for("the time is kept", lambda: kept(collector.store))
    for n, step in enumerate(("-200d", "-20d"), 1):
        collector.clock.set(step)
        agent.send(batch(n, [record()], define=series()))
        agent.held(n)
    agent.close()
    collector.stop()
    old = min(collector.store.glob("raw-*.db"))
    began = datetime.datetime.strptime(old.stem, "raw-%Y%m%d")
    for n in range(1, 92):                      # so many days with results are kept in any case
        shutil.copy(old, collector.store / f"{began + datetime.timedelta(days=n):raw-%Y%m%d}.db")
    for step, stays in (("+75y", True), ("0s", False)):
        collector.clock.set(step)
        collector.start()
        wait_for("it was looked", lambda: "old results are not deleted" in collector.text() or not old.exists())
        collector.stop()
        assert old.exists() == stays
    assert len(list(collector.store.glob("raw-*.db"))) == 92


def tree_with(folder, clock):
    """The build tree with a collector proper that is preloaded: a launcher hands nothing of the kind on."""
    shim = folder / "collector/beadle-collect"
    shim.parent.mkdir(parents=True)
    for around, inside in ((BUILD, folder), (BUILD / "collector", shim.parent)):
        for thing in around.iterdir():
            if not (inside / thing.name).exists() and thing.name != shim.name:
                (inside / thing.name).symlink_to(thing)
    shim.write_text("#!/bin/sh\n" + "".join(f"export {name}='{value}'\n" for name, value in clock.env.items()) +
                    f"exec {BUILD}/collector/beadle-collect \"$@\"\n")
    shim.chmod(0o755)
    return folder


@pytest.fixture
def stepped(tmp_path):
    """A whole site whose collector proper has its clock from a file."""
    made = []

    def make(begin="0s", **more):
        site = Site(tmp_path, edit_procedure=lambda text: text.replace("gone: 2min", "gone: 5s"), **more)
        made.append(site)
        site.clock = Clock(site.state / "identity/clock", begin)
        site.collector.env["BEADLE_LIBEXEC"] = str(tree_with(tmp_path / "tree", site.clock))
        site.start()
        wait_for("the time is kept", lambda: kept(site.state / "store"))
        return site
    yield make
    for one in made:
        one.stop()


def clock(site):
    return site.ask("status")["clock"]


def told(site):
    """The incidents on the clock."""
    return [(i["severity"], i["state"]) for i in open_ones(site) if "時鐘" in i["about_zh"] or "clock" in i["about_en"]]


def journal(site):
    """(actor, action, payload) of all entries on the clock."""
    entries = [line.split("\t") for line in site.beadle("audit", "export").splitlines() if line.startswith("entry\t")]
    return [(e[3], e[4], e[-1]) for e in entries if e[4].startswith("clock.")]


def test_r12_one_clock_incident_until_a_person_confirms_the_clock(stepped, server):
    """Leaps of years to and fro: one incident, nobody is let go, no certificate is made; what is bad meanwhile is told as ever. A person's word
    ends it, stands in the journal, and is known after a restart."""
    server = server("take")
    site = stepped(**by_mail(server))
    first, second = raw(site, "web1"), raw(site, "web2")
    for step in ("+75y", "-10y", "+2h"):
        site.clock.set(step)
        wait_for("it is seen", lambda: clock(site)["suspect"])
        second.round("disk", {USED: 0.5})
    wait_for("told", lambda: told(site) == [("critical", "open")])
    now = clock(site)
    assert (now["agents"], now["agents_apart_ns"], now["stepped"]) == (2, None, True) and abs(now["apart_ns"] - 7200 * 10**9) < 10**9
    first.round("disk", {USED: 0.91})
    wait_for("no notice waits for a confirmation", lambda: [m for m in server.taken if "web1" in m["Subject"]])
    site.beadle("identity", "new", "--host", "web9", "--out", site.folder / "x", status=1)
    site.beadle("token", "new", "--host", "web9", status=1)
    assert first.renew(identity(site, "web1")) == (b"", "the collector's clock is suspect")
    assert re.search("it is +2 h ahead", site.beadle("clock", status=1)) and any("clock is suspect" in what for what in doctor(site))
    site.beadle("clock", "confirm", "--note", "by the wall")
    assert clock(site) == {"suspect": False}
    wait_for("it is over", lambda: told(site) == [("ok", "recovered")])
    site.beadle("clock", "confirm", status=1)
    (_, suspect, _), (actor, confirmed, payload) = journal(site)
    assert (suspect, actor, confirmed) == ("clock.suspect", "root", "clock.confirmed") and "by the wall" in payload
    identity(site, "web9")
    assert all(site.ask("hosts", name)["connected"] for name in ("web1", "web2"))
    site.collector.stop(60)
    site.start()
    assert clock(site) == {"suspect": False} and len(journal(site)) == 2


def test_r12_three_agents_are_a_second_opinion(stepped):
    """The collector begins three hours behind and is set right. Two agents are too few to say so, and of three one may be wrong: nobody is
    called. Set wrong, it stays suspect whatever they say."""
    site = stepped(begin="-3h")
    for name in ("web3", "here"):
        identity(site, name)
    boot_id = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    agents = [raw(site, "web1"), raw(site, "web2"), raw(site, "here", facts=[("boot_id", boot_id)])]
    site.clock.set("0s")
    wait_for("it is seen", lambda: clock(site)["suspect"])
    assert clock(site)["agents"] == 2, "who has the collector's own clock is no second opinion"
    agents.append(raw(site, "web3", wall=time.time_ns() - 86400 * 10**9))
    wait_for("the median agrees", lambda: clock(site) == {"suspect": False})
    assert told(site) == [] and [entry[:2] for entry in journal(site)] == [("system", "clock.agreed")]
    site.clock.set("-5h")
    wait_for("told", lambda: told(site) == [("critical", "open")])
    assert clock(site)["agents"] == 3 and abs(clock(site)["agents_apart_ns"] + 5 * 3600 * 10**9) < 60 * 10**9
    site.clock.set("0s")
    wait_for("it is back", lambda: told(site) == [("ok", "recovered")])


def test_a02_what_old_log_ins_say_is_erased(stepped, tmp_path):
    """Names that were typed are gone from the store's files after their time, young ones stay; a suspect clock erases nothing (R12). Both verifiers and
    the agent's witness find nothing."""
    site = stepped(notify="login-details: 92d\nlimits: {checkpoint_entries: 4}")
    agent = site.agent("web1", CALM).start()
    for name in ("once-her-password", "and-his"):
        assert Person(site).log_in(name, "x")[0] == 401
    wait_for("it is witnessed", lambda: witnessed(agent) >= len(actions(site)) - 4)
    site.clock.set("+100d")
    wait_for("it is seen", lambda: clock(site)["suspect"])
    time.sleep(2.5)
    assert not [a for a in actions(site) if a.startswith("journal.erased")]
    site.beadle("clock", "confirm", "--note", "it was off for the holidays")
    assert Person(site).log_in("a-young-one", "x")[0] == 401
    wait_for("it is erased", lambda: [a for a in actions(site) if a.startswith("journal.erased")])
    lines = [line.split("\t") for line in site.beadle("audit", "export").splitlines()]
    assert [f[0] for f in lines if len(f) > 4 and f[4] == "login.failed"] == ["erased", "erased", "entry"]
    assert '{"logins":2}' in str(lines) and "a-young-one" in str(lines)
    site.stop()
    kept = b"".join(file.read_bytes() for file in (site.state / "store").iterdir())
    assert b"a-young-one" in kept and b"once-her-password" not in kept and b"and-his" not in kept
    assert read_through(site, tmp_path, agent)[:2] == (0, [])


def test_a04_the_last_checkpoint_goes_by_mail_each_day(stepped, server, tmp_path):
    """Once a day, over a restart as well, and not by a clock that is suspect (R12). The mail is a witness as it was saved, whatever became of its TABs."""
    server = server(*["take"] * 3)
    more = by_mail(server)
    site = stepped(**more | {"notify": more["notify"] + "\nwitnesses: [lin]\n"})
    wait_for("the first", lambda: server.taken)
    site.stop()
    site.start()
    site.beadle("token", "new", "--host", "web1")
    site.clock.set("+26h")
    wait_for("it is seen", lambda: clock(site)["suspect"])
    time.sleep(3)
    assert len(server.taken) == 1
    site.beadle("clock", "confirm", "--note", "by the wall")
    wait_for("the second", lambda: len(server.taken) == 2)
    time.sleep(3)
    first, second = server.taken
    assert len(server.taken) == 2 and first["Message-ID"] != second["Message-ID"] and second["To"] == "lin@school.example"
    number = int(re.search(r"entry (\d+)", second["Subject"])[1])
    mail = tmp_path / "mail"
    mail.write_text(second.get_content().replace("\t", "  ").replace("\n", " \r\n"))
    export = tmp_path / "export"
    export.write_text(site.beadle("audit", "export"))
    assert both(export, mail)[:2] == (0, [])
    export.write_text("".join(line for line in export.read_text().splitlines(True)
                              if not line.startswith(("entry", "checkpoint")) or int(line.split("\t")[1 + line.startswith("c")]) < number))
    assert str(mail) in both(export, mail)[1]


def test_a04_a_checkpoint_that_nobody_carries_is_told(stepped):
    site = stepped(**CHEN, notify="witnesses: lin\n")         # and no mail server
    wait_for("doctor", lambda: [what for what in doctor(site) if what.startswith("the journal's checkpoint by mail to lin: given up")])
