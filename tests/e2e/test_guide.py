"""What the operator's guide tells to do, done: a certificate made anew."""
import subprocess

from conftest import ENV, wait_for
from school import COLLECTOR, Site


def init(site):
    done = subprocess.run([COLLECTOR, "--config", site.config, "init"], env=ENV, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


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
