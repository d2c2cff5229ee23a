"""The log of a build in a real browser: live, broken off, taken up again, and long."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
import uuid

import pytest
from playwright.sync_api import expect

from envportal.tests.running import PASSWORD

pytestmark = [pytest.mark.portal, pytest.mark.timeout(300)]

# Runs inside the portal's surroundings, as a worker would: what it is told on its input it writes into the log.
WRITER = """
import sys, django
django.setup()
from django.utils import timezone
from builds.log import LogWriter
from builds.models import Build
from environments.models import Version
version = Version.objects.order_by("-pk").first()
build = Build(version=version, image_key=version.image_key, reuse_key=version.reuse_key, asked_by=version.author)
build.status, build.started, build.heard_at = "running", timezone.now(), timezone.now()
build.save()
build.steps.create(name="resolve", position=0, status="running", started=timezone.now(), offset=0, line=0)
build.steps.create(name="install", position=1)
writer = LogWriter(build)
print(build.pk, flush=True)
for order in sys.stdin:
    verb, _, rest = order.rstrip("\\n").partition(" ")
    if verb == "lines":
        first, last = map(int, rest.split())
        for n in range(first, last + 1):
            writer.write(f"\\x1b[32mline {n}\\x1b[0m <b>\\n".encode())
    elif verb == "part":
        writer.write(rest.encode().decode("unicode_escape").encode())
    elif verb == "begin":
        writer.flush()
        build.steps.filter(name="resolve").update(status="succeeded", ended=timezone.now())
        place = {"offset": writer.offset, "line": writer.lines}
        build.steps.filter(name="install").update(status="running", started=timezone.now(), **place)
    elif verb == "fail":
        writer.flush()
        build.fail("import", "numpy cannot be imported. It is broken.", int(rest))
    writer.flush()
    build.hear()
    print("done", flush=True)
"""


class Log:
    """A build that is written by hand."""

    def __init__(self, portal):
        environ = portal.environ | {"DJANGO_SETTINGS_MODULE": "envportal.settings"}
        command = [sys.executable, "-c", WRITER]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, env=environ, **pipes)
        self.pk = str(uuid.UUID(self.process.stdout.readline().strip()))
        self.path = f"/builds/{self.pk}/"

    def do(self, order):
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def close(self):
        self.process.communicate(timeout=20)


@pytest.fixture
def written(portal):
    portal.register(f"idna=={uuid.uuid4().int % 999}")
    log = Log(portal)
    yield log
    log.close()


def numbers(page):
    return [int(n) for n in page.locator("ol.lines li > a[tabindex]").all_text_contents()]


def test_lines_arrive_by_themselves_and_the_end_with_its_cause(portal, open_page, written):
    page = open_page(written.path)
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/live/" in request.url else None)
    written.do("lines 1 3")
    expect(page.locator("#L3 .ansi-green")).to_have_text("line 3", timeout=1000)
    for n in range(4, 40):
        written.do(f"lines {n} {n}")
    expect(page.locator("#L39")).to_be_visible(timeout=1000)
    assert numbers(page) == list(range(1, 40))
    assert page.locator("#L5 code").text_content() == "line 5 <b>"
    assert asked == []  # the stream was enough
    page.wait_for_timeout(2500)
    assert asked == []
    written.do("fail 17")
    expect(page.get_by_role("heading", name="Numpy cannot be imported")).to_be_visible(timeout=2000)
    expect(page.locator("#L17[data-level=error]")).to_be_visible()
    expect(page.locator("#poll")).to_have_count(0)
    page.get_by_role("link", name="First error").click()
    expect(page).to_have_url(re.compile("#L17$"))
    assert page.evaluate("document.querySelector(':target').id") == "L17"


def test_what_was_written_while_the_connection_was_broken_is_there_afterwards_once(portal, open_page, written):
    page = open_page(written.path)
    written.do("lines 1 10")
    expect(page.locator("#L10")).to_be_visible()
    for start in range(11, 91, 20):
        # The browser says that it goes on where it was; so does a page that was out of sight meanwhile.
        page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        written.do(f"lines {start} {start + 9}")
        page.wait_for_timeout(300)
        assert page.locator(f"#L{start}").count() == 0
        page.evaluate("Object.defineProperty(document, 'hidden', {value: false, configurable: true})")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(page.locator(f"#L{start + 9}")).to_be_visible()
        written.do(f"lines {start + 10} {start + 19}")
        expect(page.locator(f"#L{start + 19}")).to_be_visible()
    assert numbers(page) == list(range(1, 91))


def test_a_page_whose_stream_is_refused_asks_instead(portal, open_page, written):
    page = open_page()
    page.add_init_script("window.EventSource = undefined")
    page.goto(portal.url + written.path)
    for n in range(1, 10):
        written.do(f"lines {n} {n}")
    expect(page.locator("#L9")).to_be_visible(timeout=2000)
    assert numbers(page) == list(range(1, 10))


def test_a_line_that_is_not_on_the_page_yet_is_fetched_when_its_address_is_opened(portal, open_page, written):
    written.do("lines 1 20000")
    written.do("fail 9000")
    page = open_page(f"{written.path}#L15000")
    expect(page.locator("#L9000[data-level=error]")).to_be_attached()
    page.goto(f"{portal.url}{written.path}#L15000")
    expect(page.locator("#L15000")).to_be_in_viewport()
    assert page.evaluate("document.querySelector(':target').id") == "L15000"
    page.goto(f"{portal.url}{written.path}?line=5000#L5000")
    expect(page.locator("#L5000")).to_be_in_viewport()
    shown = numbers(page)
    assert shown == sorted(set(shown))
    assert len(shown) < 1000
    page.locator(".gap").first.get_by_text("Show the first 500").click()
    expect(page.locator("#L600")).to_be_attached()
    assert numbers(page) == sorted(set(numbers(page)))
    page.get_by_role("link", name="First error").click()
    expect(page.locator("#L9000")).to_be_in_viewport()


def test_a_log_is_searched_and_a_match_leads_to_its_line(portal, open_page, written):
    written.do("lines 1 5000")
    written.do("fail 1")
    page = open_page(written.path)
    page.keyboard.press("/")
    page.keyboard.type("LINE 4321")
    expect(page.locator("#found").get_by_role("status")).to_have_text("1 line with “LINE 4321”")
    expect(page.locator("#found mark")).to_have_text("line 4321")
    expect(page).to_have_url(re.compile("search=LINE"))
    page.locator("#found li a").click()
    expect(page.locator("#L4321")).to_be_in_viewport()
    page.reload()
    expect(page.locator("#found mark")).to_have_text("line 4321")


def test_the_line_that_is_being_written_is_shown_while_it_changes(portal, open_page, written):
    page = open_page(written.path)
    written.do("lines 1 2")
    written.do(r"part  10%\r")
    expect(page.locator("#rest-resolve code")).to_have_text(" 10%", timeout=3000)
    assert page.locator("#rest-resolve li > a").text_content() == "3"
    written.do(r"part  90%\r")
    expect(page.locator("#rest-resolve code")).to_have_text(" 90%", timeout=3000)
    written.do(r"part \n")
    expect(page.locator("#L3 code")).to_have_text(" 90%", timeout=3000)
    expect(page.locator("#rest-resolve code")).to_have_count(0)
    assert numbers(page) == [1, 2, 3]


def test_a_step_opens_when_it_begins(portal, open_page, written):
    page = open_page(written.path)
    fold = page.locator("#install")
    expect(fold.locator("summary")).to_contain_text("Not begun")
    assert fold.get_attribute("open") is None
    written.do("begin")
    expect(fold).to_have_attribute("open", "", timeout=3000)
    expect(fold.locator("summary")).not_to_contain_text("Not begun")
    page.locator("#install summary").click()
    written.do("lines 1 3")
    expect(page.locator("#L3")).to_be_attached()
    page.wait_for_timeout(1500)
    assert fold.get_attribute("open") is None  # closed by a reader, it stays so


def test_one_walks_from_match_to_match_by_links_and_by_keys(portal, open_page, written):
    written.do("lines 1 5000")
    written.do("fail 1")
    page = open_page(written.path)
    page.keyboard.press("/")
    page.keyboard.type("line 432")
    walk = page.locator("#walk [role=status]")
    expect(walk).to_have_text("11 found")
    page.keyboard.press("Enter")
    expect(walk).to_have_text("1 of 11")
    expect(page.locator("#L432")).to_be_in_viewport()
    expect(page).to_have_url(re.compile("line=432#L432$"))
    page.keyboard.press("Enter")
    expect(walk).to_have_text("2 of 11")
    expect(page.locator("#L4320")).to_be_in_viewport()
    page.keyboard.press("Shift+Enter")
    expect(walk).to_have_text("1 of 11")
    page.locator("h1").click()
    page.keyboard.press("n")
    expect(walk).to_have_text("2 of 11")
    page.keyboard.press("Shift+N")
    page.keyboard.press("Shift+N")
    expect(walk).to_have_text("11 of 11")
    expect(page.locator("#L4329")).to_be_in_viewport()
    assert page.evaluate("document.querySelector(':target').id") == "L4329"
    page.get_by_label("Next match").click()
    expect(walk).to_have_text("1 of 11")
    page.reload()
    expect(walk).to_have_text("1 of 11")
    expect(page.locator("#L432")).to_be_in_viewport()
    page.go_back()
    expect(walk).to_have_text("11 of 11")


def test_long_lines_are_broken_or_not_as_the_address_says(portal, open_page, written):
    written.do("part " + "x" * 3000)
    written.do("fail 1")
    page = open_page(written.path)
    height = "document.querySelector('#L1').getBoundingClientRect().height"
    broken = page.evaluate(height)
    wrap = page.get_by_role("button", name="Wrap")
    wrap.click()
    expect(wrap).to_have_attribute("aria-pressed", "false")
    expect(page).to_have_url(re.compile("wrap=off"))
    assert page.evaluate(height) < broken / 5
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_label("Search the log").fill("xxx")
    expect(page).to_have_url(re.compile("search=xxx&wrap=off"))
    page.reload()
    assert page.evaluate(height) < broken / 5
    wrap.click()
    expect(page).to_have_url(re.compile("search=xxx$"))
    assert page.evaluate(height) == broken


def test_a_long_log_needs_no_script(portal, open_page, written):
    written.do("lines 1 5000")
    written.do("fail 2500")
    page = open_page(written.path, java_script_enabled=False)
    page.goto(portal.url + written.path)
    page.get_by_role("link", name="First error").click()
    expect(page.locator("#L2500")).to_be_in_viewport()
    page.get_by_role("link", name="Show the first 500").first.click()
    expect(page.locator("#L101")).to_be_in_viewport()
    page.get_by_label("Search the log").fill("line 777 ")
    page.keyboard.press("Enter")
    page.locator("#found li a").click()
    expect(page.locator("#L777")).to_be_in_viewport()
    page.get_by_label("Search the log").fill("line 77")
    page.keyboard.press("Enter")
    page.get_by_label("Next match").click()
    expect(page.locator("#walk [role=status]")).to_have_text("1 of 11")
    page.get_by_label("Next match").click()
    expect(page.locator("#L770")).to_be_in_viewport()
    page.get_by_role("button", name="Wrap").click()
    expect(page.locator("#log")).to_have_attribute("data-wrap", "off")
    expect(page.locator("#walk [role=status]")).to_have_text("2 of 11")


def test_a_page_outlives_a_restart_of_the_web_process(portal, chromium, written):
    context = chromium.new_context()
    page = context.new_page()
    page.goto(portal.url + written.path)
    page.get_by_label("Name", exact=True).fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    written.do("lines 1 10")
    expect(page.locator("#L10")).to_be_visible()
    killed = portal.parts()["uvicorn"]
    os.kill(killed, signal.SIGKILL)
    written.do("lines 11 20")
    portal.wait(lambda: portal.parts().get("uvicorn") not in (None, killed), 20, "the web process is back")
    written.do("lines 21 30")
    expect(page.locator("#L30")).to_be_attached(timeout=20_000)
    written.do("lines 31 31")
    expect(page.locator("#L31")).to_be_attached(timeout=20_000)
    assert numbers(page) == list(range(1, 32))
    context.close()


def test_who_watches_does_not_keep_the_portal_from_ending(portal, written):
    headers = {"Authorization": f"Bearer {portal.token()}"}
    request = urllib.request.Request(f"{portal.url}/api/v1{written.path}log/stream/", headers=headers)
    with urllib.request.urlopen(request, timeout=20) as stream:
        assert stream.readline() == b"retry: 1000\n"
        portal.stop()
    assert "graceful" not in portal.said()
    portal.log.write_text("")
    portal.start()
