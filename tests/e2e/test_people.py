"""People, their roles and their sessions, through the real doors: every route of the dashboard with every role (W1, W4, W5, ACC-01, ACC-07)."""
import collections
import concurrent.futures
import http.client
import json
import re
import ssl

import pytest

from conftest import SOURCE
from school import Site

ROLES = ["viewer", "operator", "administrator", "auditor", "supervisor", "security_officer"]
ALL = set(ROLES)
HANDS = {"operator", "administrator"}
MANAGES = {"administrator"}
# Each route: method, body, who may (None: by oneself, no role is looked at). A route that is not here fails the test.
ROUTES = {
    "checks": ("GET", None, ALL), "history": ("GET", None, ALL), "host": ("GET", None, ALL), "hosts": ("GET", None, ALL),
    "incident": ("GET", None, ALL), "incidents": ("GET", None, ALL), "procedure": ("GET", None, ALL), "status": ("GET", None, ALL),
    "people": ("GET", None, {"administrator", "auditor", "security_officer"}),
    "incident/ack": ("POST", {"id": 9}, HANDS), "incident/handle": ("POST", {"id": 9, "note": "x"}, HANDS),
    "incident/close": ("POST", {"id": 9, "note": "x"}, HANDS | {"supervisor"}),
    "person/add": ("POST", {"name": "x y", "roles": ["viewer"]}, MANAGES), "person/roles": ("POST", {"name": "nobody"}, MANAGES),
    "person/disable": ("POST", {"name": "nobody"}, MANAGES), "person/enable": ("POST", {"name": "nobody"}, MANAGES),
    "person/password": ("POST", {"name": "nobody"}, MANAGES), "person/factor": ("POST", {"name": "nobody"}, MANAGES),
    "clock/confirm": ("POST", {"note": 9}, MANAGES),
    "identities": ("GET", None, {"administrator", "auditor", "security_officer"}),
    "identity/revoke": ("POST", {"host": "nobody"}, {"administrator", "security_officer"}),
    "login": ("POST", {}, None), "logout": ("POST", {}, None), "password": ("POST", {}, None),
    "factor/new": ("POST", {}, None), "factor/confirm": ("POST", {}, None),
    "stream": ("GET", None, None), "whoami": ("GET", None, None),
}
# What a page of another site, or a form, can make a browser send with our cookie; and what it cannot, but which is no proof either.
FOREIGN = {
    "foreign origin": {"Origin": "https://evil.example"}, "form": {"Content_Type": "application/x-www-form-urlencoded"},
    "no header of ours": {"X_Beadle": None}, "no origin": {"Origin": "null"},
    "cross-site": {"Sec_Fetch_Site": "cross-site"}, "same-site": {"Sec_Fetch_Site": "same-site"}, "typed": {"Sec_Fetch_Site": "none"},
    "plain text": {"Content_Type": "text/plain"}, "form with files": {"Content_Type": "multipart/form-data; boundary=x"},
    "no type": {"Content_Type": None}, "another type": {"Content_Type": "application/jsonp"}, "a header with another value": {"X_Beadle": "0"},
    "our name in theirs": {"Origin": "https://localhost.evil.example"}, "not over TLS": {"Origin": "http://localhost"},
}


class Person:
    def __init__(self, site, cookie=""):
        self.site, self.cookie = site, cookie
        self.context = ssl.create_default_context(cafile=site.state / "web/root.pem")

    def ask(self, path, body=None, method=None, source=None, **headers):
        """(status, document); headers with _ for -, None takes one away."""
        method = method or ("GET" if body is None else "POST")
        send = {"Cookie": f"__Host-beadle={self.cookie}"} if self.cookie else {}
        if method == "POST":
            send |= {"X-Beadle": "1", "Content-Type": "application/json", "Origin": f"https://localhost:{self.site.web_port}"}
        for name, value in headers.items():
            send[name.replace("_", "-")] = value
        c = http.client.HTTPSConnection("localhost", self.site.web_port, timeout=60, context=self.context,
                                        source_address=(source, 0) if source else None)
        try:
            c.request(method, "/api/v1/" + path, body if isinstance(body, (str, type(None))) else json.dumps(body),
                      {k: v for k, v in send.items() if v is not None})
            answer = c.getresponse()
            if answer.getheader("Set-Cookie"):
                self.set = re.search("__Host-beadle=([^;]*)", answer.getheader("Set-Cookie"))[1]
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            c.close()

    def log_in(self, name, password, **more):
        status, document = self.ask("login", {"name": name, "password": password}, **more)
        if status == 200:
            self.cookie = self.set
        return status, document


def own(role):
    return f"a calm sentence of the {role}"


def member(site, name, roles):
    """An account as people get it: made on the console, its one-time password changed at once."""
    one_time = site.ask("person", "add", name, "--roles", roles)["password"]
    p = Person(site)
    assert p.log_in(name, one_time)[0] == 200
    assert p.ask("status")[1]["error"]["code"] == "must_change"
    assert p.ask("password", {"old": one_time, "new": own(name)})[0] == 200
    assert p.ask("whoami")[0] == 401                # the old session ended with the old password
    assert p.log_in(name, own(name))[0] == 200
    return p


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    s = Site(tmp_path_factory.mktemp("p"))
    try:
        yield s.start()
    finally:
        s.stop()


@pytest.fixture(scope="module")
def people(site):
    return {role: member(site, role, role) for role in ROLES}


def test_w01_every_route_is_written_down():
    there = set(re.findall(r'\{"/api/v1/([^"]+)"', (SOURCE / "collector/web/routes.c").read_text()))
    assert there == set(ROUTES)


def kept(site):
    """All that a request could change, the journal of it included."""
    journal = [line for line in site.beadle("audit", "export").splitlines() if line.startswith("entry\t")]
    assert journal
    return site.ask("person", "list"), site.ask("identity", "list"), journal


@pytest.fixture(scope="module")
def ended(site):
    """A token that was good until its owner logged out."""
    p = member(site, "ended", "administrator")
    token = p.cookie
    assert p.ask("logout", {})[0] == 200
    return token


@pytest.mark.parametrize("path", sorted(ROUTES))
def test_w01_every_route_needs_a_token_that_counts(site, people, ended, path):
    method, body, _ = ROUTES[path]
    for token in ("", "A" * 43, ended, people["viewer"].cookie[:-1], "a b", "A" * 200):
        status = Person(site, token).ask(path, body)[0]
        assert status == (400 if path == "login" else 401), (token, status)


@pytest.mark.parametrize("path", sorted(p for p in ROUTES if ROUTES[p][0] == "POST"))
def test_w01_no_change_without_intent(site, people, path):
    before = kept(site)
    for role, p in people.items():
        for name in FOREIGN if role == "administrator" else list(FOREIGN)[:3]:
            status, document = p.ask(path, ROUTES[path][1], **FOREIGN[name])
            assert (status, document["error"]["code"]) == (403, "not_allowed"), (role, name, status, document)
        assert p.ask(path, "id=9", Content_Type="application/x-www-form-urlencoded")[0] == 403
        assert p.ask(path, method="GET")[0] == 405
        assert p.ask(path, method="HEAD")[0] == 405
        assert p.ask("whoami")[0] == 200                # nobody was logged out by it
    assert kept(site) == before


def test_w01_what_has_no_route_is_not_there(site, people):
    """Every query of the engine, under every name that it could have."""
    routed = set(re.findall(r'"/api/v1/[^"]+", "([^"]+)"', (SOURCE / "collector/web/routes.c").read_text()))
    inside = set(re.findall(r'\{"([a-z.]+)", api_', (SOURCE / "collector/engine/api.c").read_text()))
    assert len(inside) > 25 and routed < inside
    for query in inside - routed:
        for path in (query, query.replace(".", "/"), query + "/"):
            assert people["administrator"].ask(path)[0] == 404
            assert people["administrator"].ask(path, {})[0] == 404


@pytest.mark.parametrize("path", sorted(p for p in ROUTES if ROUTES[p][2] is not None))
def test_w01_every_route_and_every_role(site, people, path):
    method, body, may = ROUTES[path]
    for role, p in people.items():
        status, document = p.ask(path, body)
        if role in may:
            assert status in (200, 400, 404), (role, status, document)
        else:
            assert status == 403 and document["error"]["code"] == "not_allowed", (role, status, document)
    if method == "GET":
        assert people["administrator"].ask(path, {})[0] == 405


def test_acc_02_nobody_changes_his_own_account(site, people):
    admin = people["administrator"]
    for path, more in [("roles", {"roles": ["administrator", "operator"]}), ("disable", {}), ("enable", {}), ("password", {})]:
        assert admin.ask("person/" + path, {"name": "administrator", **more})[0] == 403
    status, document = admin.ask("person/add", {"name": "both", "roles": ["auditor", "administrator"]})
    assert status == 409 and "auditor" in document["error"]["message"]
    assert admin.ask("person/add", {"name": "operator", "roles": ["viewer"]})[0] == 409
    assert admin.ask("person/add", {"name": "root", "roles": ["viewer"]})[0] == 400
    assert admin.ask("person/add", {"name": "x", "roles": ["king"]})[0] == 400


def test_acc_07_a_person_who_leaves_is_out_at_once(site, people):
    leaver = member(site, "leaver", "operator,supervisor")
    assert leaver.ask("whoami")[1]["roles"] == ["operator", "supervisor"]
    assert people["administrator"].ask("person/disable", {"name": "leaver"})[1]["disabled"] is True
    assert leaver.ask("status")[0] == 401
    assert leaver.log_in("leaver", own("leaver"))[0] == 401
    site.beadle("person", "enable", "leaver")
    assert leaver.log_in("leaver", own("leaver"))[0] == 200
    assert "leaver" in site.beadle("person", "list")


def test_w05_new_roles_and_a_new_password_end_sessions(site):
    p = member(site, "changed", "viewer")
    first = p.cookie
    assert p.log_in("changed", own("changed"))[0] == 200 and p.cookie != first      # a new id at each log-in
    site.beadle("person", "roles", "changed", "--roles", "viewer,operator")
    assert Person(site, first).ask("status")[0] == 401 and p.ask("status")[0] == 401
    assert p.log_in("changed", own("changed"))[0] == 200
    one_time = site.ask("person", "password", "changed")["password"]
    assert p.ask("status")[0] == 401 and p.log_in("changed", own("changed"))[0] == 401
    assert p.log_in("changed", one_time)[1]["must_change"] is True


def test_w04_a_thousand_log_ins_at_once(site):
    """At most five are tried; the rest is told to wait without a hash; the person himself gets in from another address."""
    p = member(site, "target", "viewer")

    def guess(n):
        return Person(site).log_in("target", f"guess number {n}")[0]
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        got = list(pool.map(guess, range(1000)))
    tried = [s for s in got if s == 401]
    assert 1 <= len(tried) <= 5, {s: got.count(s) for s in set(got)}
    assert Person(site).log_in("target", own("target"))[0] == 429          # not even the right one, from there
    assert Person(site).log_in("target", own("target"), source="127.0.0.2")[0] == 200
    assert p.ask("status")[0] == 200                                       # and who is in stays in


def test_w04_a_full_queue_of_guesses_shuts_nobody_out(site):
    """Four addresses ask for more hashes than may wait. One more address, and the console, get theirs all the while."""
    p = member(site, "waits", "viewer")
    site.ask("person", "add", "forgot", "--roles", "viewer")
    said = collections.Counter()

    def guess(n):
        said[Person(site).log_in(f"name{n}", "a guess", source=f"127.0.0.{20 + n % 4}")[0]] += 1
    with concurrent.futures.ThreadPoolExecutor(120) as pool:
        guesses = [pool.submit(guess, n) for n in range(120)]
        for _ in range(3):
            assert p.log_in("waits", own("waits"), source="127.0.0.3")[0] == 200
            assert site.ask("person", "password", "forgot")["password"]
        assert not all(g.done() for g in guesses), "it was over too soon to show anything"
    for g in guesses:
        g.result()
    assert said[429] > 0, f"the queue was never full: {said}"


def test_w05_what_was_logged_out_is_dead_after_a_restart(site):
    out, stays = member(site, "out", "operator"), member(site, "stays", "operator")
    assert out.ask("logout", {})[0] == 200
    site.collector.kill()
    site.start()
    assert out.ask("status")[0] == 401
    assert stays.ask("status")[0] == 200
    assert stays.ask("incident/ack", {"id": 9})[1]["error"]["code"] == "confirm"       # it may look; to act, it shows who it is
    assert stays.log_in("stays", own("stays"))[0] == 200
    assert stays.ask("incident/ack", {"id": 9})[0] == 404


def test_command_line(site):
    assert "king" not in site.beadle("person", "list")
    assert "one-time password: " in site.beadle("person", "add", "by-hand", "--roles", "operator")
    site.beadle("person", "add", "by-hand", "--roles", "operator", status=1)
    site.beadle("person", "roles", "by-hand", "--roles", "auditor,operator", status=1)
    site.beadle("person", "disable", "nobody", status=5)
    for wrong in [("add", "x"), ("disable",), ("disable", "x", "--roles", "viewer"), ("king", "x"), ()]:
        site.beadle("person", *wrong, status=2)


def test_r01_what_a_person_was_told_of_outlives_a_kill(site):
    """An answer is given when what it tells of is on disk: killed at once after it, nothing is taken back."""
    for i in range(5):
        added = site.ask("person", "add", f"kept{i}", "--roles", "viewer")
        site.collector.kill()
        assert added["name"] == f"kept{i}"
        site.start()
        assert f"kept{i}" in {p["name"] for p in site.ask("person", "list")["people"]}
