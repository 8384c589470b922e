"""What the operator's guide tells to do, done: backup and restore, a certificate made anew."""
import shutil
import subprocess

from conftest import ENV, wait_for
from school import COLLECTOR, Site


def init(site):
    done = subprocess.run([COLLECTOR, "--config", site.config, "init"], env=ENV, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_backup_is_restored_as_the_guide_says(tmp_path):
    """Stopped, packed, unpacked on an empty machine, init, started: hosts, incidents and identities go on, and the agent as well."""
    site = Site(tmp_path).start()
    try:
        agent = site.agent("web1", {"system": ("system", "1s", "")}).start()
        wait_for("results", lambda: site.ask("status")["intake"]["results"] > 2, 60)
        uuid = site.ask("hosts", "web1")["uuid"]
        site.collector.stop(60)
        before = site.records()
        subprocess.run(["tar", "-C", tmp_path, "-czpf", tmp_path / "backup.tar.gz", "c"], check=True)
        shutil.rmtree(site.state)
        subprocess.run(["tar", "-C", tmp_path, "-xzpf", tmp_path / "backup.tar.gz"], check=True)
        assert "one-time password" not in init(site), "the account is there"
        site.start()
        assert site.ask("hosts", "web1")["uuid"] == uuid
        wait_for("new results of the same agent", lambda: site.ask("status")["intake"]["results"] > 2, 60)
        agent.stop()
        site.collector.stop(60)
        after = site.records()
        assert after[:len(before)] == before and len(after) > len(before)
        assert len({r[:3] for r in after}) == len(after), "nothing twice"
    finally:
        site.stop()


def test_an_expired_certificate_of_the_collector_is_made_anew_as_the_doctor_says(tmp_path):
    site = Site(tmp_path)
    authority = (site.state / "signer/ca.pem").read_bytes()
    for name in ("identity", "web"):
        (site.state / name / "cert.pem").rename(site.state / name / "cert.old")
    init(site)
    for name in ("identity", "web"):
        assert (site.state / name / "cert.pem").read_bytes() != (site.state / name / "cert.old").read_bytes()
    assert (site.state / "signer/ca.pem").read_bytes() == authority, "agents go on trusting it"
    site.start()
    try:
        site.agent("web1", {"system": ("system", "1s", "")}).start()
        wait_for("results", lambda: site.ask("status")["intake"]["results"] > 0, 60)
    finally:
        site.stop()
