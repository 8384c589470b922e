"""A person at the dashboard: a real browser, the real collector, a real agent with a disk that is over its bounds."""
import base64
import hashlib
import re
import shutil
import socket
import ssl
import subprocess

import pytest

from conftest import BUILD, wait_for

webdriver = pytest.importorskip("selenium.webdriver", reason="not proven: python3-selenium is missing")
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.support.ui import Select  # noqa: E402

from school import Site  # noqa: E402

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.skipif(not CHROMIUM or not DRIVER, reason="not proven: chromium and chromium-driver are missing"),
    pytest.mark.skipif(not (BUILD / "web/dist/app.js").exists(), reason="not proven: the pages are not built (npm is missing)"),
]
HOST = "library"         # as its identity was issued for
NEW_PASSWORD = "a calm sentence that nobody guesses"


def strict_disks(procedure):
    """The rule for disks with bounds that any disk is over."""
    text, n = re.subn(r"(\n  disk_used:\n(?:    .*\n)*?)    warning:.*\n    critical:.*\n",
                      r'\1    warning: {at_least: "0.002 %", clear: "0.001 %"}\n    critical: {at_least: "0.004 %", clear: "0.003 %", stated: yes}\n',
                      procedure)
    assert n == 1
    return text


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    s = Site(tmp_path_factory.mktemp("d"), edit_procedure=strict_disks,
             people="{admin: {name: 陳志明, mail: chen@school.example}}",
             notify='notify: {mail: {server: 127.0.0.1, port: 1, security: none, from: "beadle@school.example"}}')
    try:
        s.start()
        s.agent("library", {"disk": ("disk", "2s", "")}).start()
        wait_for("an incident of the disk", lambda: s.ask("incidents")["incidents"], 60)
        yield s
    finally:
        s.stop()


def key_pin(site):
    """SHA-256 of the dashboard's public key: this one the browser believes, for the length of the test."""
    out = subprocess.run(["openssl", "x509", "-in", site.state / "web/cert.pem", "-pubkey", "-noout"], check=True, capture_output=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], input=out, check=True, capture_output=True).stdout
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


class Browser:
    def __init__(self, site, folder, language):
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for argument in ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
                         "--disable-background-networking", "--disable-component-update", "--disable-sync", f"--user-data-dir={folder}",
                         f"--lang={language}", "--window-size=1280,900", f"--ignore-certificate-errors-spki-list={key_pin(site)}"]:
            options.add_argument(argument)
        options.add_experimental_option("prefs", {"intl.accept_languages": language})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.site, self.language = site, language
        self.driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        self.driver.set_page_load_timeout(60)

    def open(self, path="/"):
        self.driver.get(f"https://localhost:{self.site.web_port}{path}")

    def see(self, css, text=None, timeout=30):
        def there():
            try:
                return next((e for e in self.driver.find_elements(By.CSS_SELECTOR, css)
                             if e.is_displayed() and (text is None or text in e.text)), None)
            except Exception:        # it was drawn anew between the two looks
                return None
        return wait_for(f"{css} {text or ''} on the page: {self.words()[:1500]}", there, timeout)

    def words(self):
        return self.driver.find_element(By.TAG_NAME, "body").text

    def picture(self, name):
        folder = BUILD / "pictures"
        folder.mkdir(exist_ok=True)
        self.driver.save_screenshot(str(folder / f"{name}.png"))

    def log_in(self, password):
        self.open()
        self.see("#name").send_keys("admin")
        self.see("#password").send_keys(password)
        self.see("button.primary").click()

    def complaints(self):
        """What the browser itself found wrong: scripts, policy, resources. Being asked to log in is no complaint."""
        return [line for line in self.driver.get_log("browser") if "401" not in line["message"]]

    def close(self):
        assert self.complaints() == []
        self.driver.quit()


@pytest.fixture
def browser(site, tmp_path, request):
    b = Browser(site, tmp_path, request.param)
    yield b
    b.close()


@pytest.mark.parametrize("browser", ["zh-TW"], indirect=True)
def test_a_first_log_in_and_a_day_at_work_in_chinese(site, browser):
    browser.log_in("wrong password")
    browser.see("[role=alert]", "帳號或密碼不正確")
    browser.log_in(site.password())
    browser.see("h1", "變更密碼")                # before anything else
    browser.see("#new").send_keys(NEW_PASSWORD)
    browser.see("#repeat").send_keys("another")
    browser.see("button.primary").click()
    browser.see("[role=alert]", "兩次輸入的新密碼不同")
    repeat = browser.see("#repeat")
    repeat.clear()
    repeat.send_keys(NEW_PASSWORD)
    browser.see("button.primary").click()

    browser.see("h1", "事件未結案")
    browser.see(".live.on", "即時")
    card = browser.see("a.host", HOST)
    assert "危急" in card.text                   # a word, not a colour alone
    browser.picture("hosts-zh")
    card.click()
    row = browser.see("tr.series.critical", "磁碟使用率")
    assert "5.3.3" in row.text and "≥" in row.text
    row.find_element(By.CSS_SELECTOR, "button").click()
    browser.see(".chart svg")
    browser.picture("host-zh")

    browser.see("nav a", "異常事件").click()
    browser.see("a.incident", HOST).click()
    browser.see(".finding", "磁碟使用率")
    browser.see(".steps", "事件成立")
    browser.see(".notices", "陳志明")
    browser.see("#act-acknowledge").click()
    Select(browser.see("#hold")).select_by_index(3)
    browser.see("#note").send_keys("清理中")
    browser.see("button.primary", "確認").click()
    browser.see(".phase", "已確認")
    browser.see(".steps", "清理中")
    browser.see("#act-handle").click()
    browser.see("#note").send_keys("<b onclick=alert(1)>已清除</b> 舊檔")
    browser.see("button.primary", "記錄處理").click()
    browser.see(".steps", "<b onclick=alert(1)>已清除</b> 舊檔")      # as text
    browser.picture("incident-zh")
    incident = site.ask("incidents")["incidents"][0]
    assert incident["state"] == "acknowledged" and incident["acknowledged_by"] == "admin"


@pytest.mark.parametrize("browser", ["en-GB"], indirect=True)
def test_live_in_english_by_keyboard_until_the_log_out(site, browser):
    browser.log_in(NEW_PASSWORD)
    browser.see("h1", "open")
    browser.see("a.host", "Critical")
    browser.picture("hosts-en")
    browser.see("#language").click()
    browser.see("a.host", "危急")                 # switched, and kept
    browser.open()
    browser.see("a.host", "危急")
    browser.see("#language").click()
    browser.see("a.host", "Critical")

    browser.driver.find_element(By.CSS_SELECTOR, "a.host").send_keys("\n")     # by keyboard
    browser.see("h1", HOST)
    browser.see("nav a", "Hosts").click()
    browser.see("a.host", "Connected")
    site.agents[0].stop()
    browser.see("a.host", "Not reporting")        # without a reload
    site.agents[0].start()
    browser.see("a.host", "Connected")
    browser.picture("hosts-live-en")
    site.beadle("identity", "new", "--host", "reading-room", "--out", site.folder / "reading-room")
    browser.see("a.host", "Never connected")      # without a reload, and as no green host
    browser.see("a.host.unknown", "reading-room")
    browser.see("#language").click()
    browser.see("a.host", "從未連線")
    browser.see("#language").click()

    cookies = {c["name"]: c for c in browser.driver.get_cookies()}
    session = cookies["__Host-beadle"]
    assert session["httpOnly"] and session["secure"] and session["sameSite"] == "Strict"
    browser.see(".menu summary").click()
    browser.see(".menu button", "Log out").click()
    browser.see("#name")
    assert status_with(site, session["value"]) == 401     # the server forgot it, too


def status_with(site, session):
    context = ssl.create_default_context(cafile=site.state / "web/root.pem")
    with context.wrap_socket(socket.create_connection(("127.0.0.1", site.web_port), 30), server_hostname="localhost") as s:
        s.sendall(f"GET /api/v1/hosts HTTP/1.1\r\nHost: localhost\r\nCookie: __Host-beadle={session}\r\n\r\n".encode())
        return int(s.recv(64).split()[1])


# ---- W2: hostile names are only text ----

HOSTILE = ["<img src=x onerror=\"window.hacked=1\">", "javascript:window.hacked=1", "{{constructor.constructor('window.hacked=1')()}}",
           "${window.hacked=1}", "'\"><script>window.hacked=1</script>", "\u202eevil\u2066name", "a" * 4096, "</title><script>window.hacked=1</script>",
           "\\xff\\x00", "%3Cscript%3E", "&lt;b&gt;", "line\nbreak\ttab"]


class Hostile:
    """Every document of the API with hostile text wherever a host, a plugin or a person can put any."""

    def __init__(self, text):
        at = 1_800_000_000_000_000_000
        series = {"id": 1, "metric": text, "unit": text, "kind": text, "labels": {text: text}, "value": 1.0, "at": at, "state": "ok", "rule": None}
        check = {"id": 1, "host": 1, "host_name": text, "name": text, "plugin": text, "interval_ns": 60 * 10**9, "state": "critical",
                 "why": text, "at": at, "series": [series], "skips": [{"what": text, "error": text}], "more_skips": 1,
                 "facts": [{"name": text, "labels": {text: text}, "value": text}]}
        host = {"id": 1, "name": text, "uuid": text, "state": "critical", "connected": True, "seen_at": at, "clock_offset_ns": 1,
                "owner": text, "deputy": text, "incidents": 1, "address": text}
        incident = {"id": 1, "host": 1, "host_name": text, "kind": text, "title_zh": text, "title_en": text, "state": "open",
                    "severity": "critical", "opened_at": at, "recovered_at": 0, "acknowledged_by": text, "acknowledged_until_at": at,
                    "closed_at": 0, "clauses": [text]}
        finding = {"series": 1, "check": text, "metric": "", "labels": {text: text}, "unit": text, "value": 1.0, "state": "unknown",
                   "rule": text, "clause": text, "title_zh": text, "title_en": text, "what": text, "since_at": at, "stated": False, "bound": None}
        self.answers = {
            "whoami": {"name": text[:60], "roles": [text], "must_change": False, "language": text, "school": text},
            "login": {"session": "s" * 43, "name": text, "roles": [], "must_change": False},
            "status": {"school": text, "collector": text, "started_at": at, "now_at": at, "hosts": {"total": 1, "connected": 1, "gone": 0},
                       "states": {"ok": 0, "warning": 0, "critical": 1, "unknown": 0}, "incidents": {"open": 1, "unacknowledged": 1},
                       "intake": {"results": 1, "values": 1, "last_at": at},
                       "procedure": {"document": text, "version": text, "title_zh": text, "title_en": text}},
            "hosts": {"hosts": [host], "more": False},
            "host": {**host, "facts": {text: text}, "checks": [check]},
            "incidents": {"incidents": [incident], "more": False},
            "incident": {**incident, "findings": [finding], "more_findings": 0,
                         "steps": [{"at": at, "actor": text, "what": text, "detail": text},
                                   {"at": at, "actor": "system", "what": "event", "detail": text, "more": 3,
                                    "fields": {"path": text, "mode_before": text, "mode_after": "x" + text, text: text}}], "more_steps": 2,
                         "notices": [{"at": at, "role": text, "person": text, "channel": text, "clause": text, "state": "sent", "tries": 1}]},
            "procedure": {"document": text, "version": text, "title_zh": text, "title_en": text, "roles": [], "rules": [], "kinds": []},
            "history": {"points": [[at, 1.0]], "more": False},
        }


def test_w2_hostile_names_are_only_text(tmp_path):
    """The collector's end of the pipe is the test's here, so that every text can be hostile; pages, door and browser are real."""
    from test_web import Web
    (tmp_path / "web").mkdir()
    web = Web(tmp_path / "web")
    web.state, web.web_port = web.folder, web.port
    browser = Browser(web, tmp_path / "profile", "en-GB")
    try:
        for i, text in enumerate(HOSTILE):
            web.answers = {name: (200, body) for name, body in Hostile(text).answers.items()}
            mark = " ".join(text.replace("\u202e", "").replace("\u2066", "").split())[:20].split("name")[0][:12]
            if i == 0:
                browser.log_in("x")
            for path, css in [("/#/", "a.host"), ("/#/host/1", ".check"), ("/#/incidents", "a.incident"), ("/#/incident/1", ".finding")]:
                if path == "/#/":
                    browser.open("/?" + str(i))
                else:
                    browser.driver.execute_script("location.hash = arguments[0]", path[1:])
                seen = browser.see(css)
                assert mark in " ".join(seen.text.replace("\u202e", "").replace("\u2066", "").split()), (text, path)
                wide = browser.driver.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
                assert wide[0] <= wide[1] + 1, (text[:40], path, wide)      # no broken layout
                assert browser.driver.execute_script("return window.hacked") is None
                if ".check" == css:
                    assert all(mark in " ".join(browser.see(part).text.replace("\u202e", "").replace("\u2066", "").split())
                               for part in (".left-out", ".check .facts"))
            fields = " ".join(browser.see(".fields").text.replace("\u202e", "").replace("\u2066", "").split())
            assert mark in fields and "x" + mark in fields and "mode_before" not in fields, fields
            if i == 0:      # what the collector says when it refuses
                web.answers["incident.handle"] = (409, {"error": {"code": "conflict", "message": text}})
                browser.see("#act-handle").click()
                browser.see("#note").send_keys(text)
                browser.see("form button.primary").click()
                browser.see("[role=alert]", text)
        assert [c for c in browser.complaints() if "409" not in c["message"]] == []     # no script ran, no policy was asked to stop one
    finally:
        browser.driver.quit()
        web.stop()
