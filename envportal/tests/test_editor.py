"""The editor in a real browser: two views of one document, findings beside lines, drafts, order, wheels."""

import time
import uuid

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from envportal.tests.running import HERE
from envportal.tests.wheel_maker import make_wheel

pytestmark = [pytest.mark.portal, pytest.mark.timeout(400)]

NEW = "/workspaces/default/new/"
FILE = f"""\
# for the paper
channels:
  - conda-forge
  - mine  # ours
dependencies:
  - python={HERE}
  # maths
  - numpy=>1.2
  - pip
  - pip:
      - rich>=13  # tables
"""


def paste(page, text, button="read"):
    if not page.locator("#paste").is_visible():
        page.locator("summary", has_text="From a file or an environment").click()
    page.locator("#paste").fill(text)
    page.locator(f"button[value={button}]").click()
    expect(page.locator("p.finding[role=status]")).to_contain_text("Read as")


def switch_to(page, view):
    page.get_by_role("button", name=view, exact=True).click()
    expect(page.locator("button[aria-pressed=true]", has_text=view)).to_be_visible()


def source(portal, name, number=1):
    return portal.fetch(f"workspaces/default/environments/{name}/versions/{number}/files/environment.yml/")


def a_name():
    return f"edited-{uuid.uuid4().hex[:6]}"


# First, because what a person may know is remembered for some minutes.
def test_names_that_the_portal_knows_are_offered(portal, open_page):
    portal.wait_for_end(portal.ask(portal.register("idna==3.10")))
    page = open_page(NEW)
    page.locator("[name=pip_name]").first.press_sequentially("id", delay=30)
    expect(page.locator("#pip-names option[value=idna]")).to_have_count(1)


def test_text_and_rows_are_two_views_of_one_document(portal, open_page):
    page, name = open_page(NEW), a_name()
    page.get_by_label("Name", exact=True).fill(name)
    paste(page, FILE)
    expect(page.locator("[name=conda_name]").first).to_have_value("numpy=>1.2")
    switch_to(page, "Text")
    text = page.get_by_role("textbox", name="Packages")
    beside = page.locator(".cm-finding", has_text="the operator is written the other way round")
    expect(beside).to_be_visible()
    beside.get_by_role("button", name="Write numpy>=1.2").click()
    expect(beside).to_have_count(0)
    text.press("Control+End")
    page.keyboard.type("      - idna==3.10")
    expect(page.locator("#findings")).not_to_contain_text("error")
    text.press("Control+z")
    assert "idna" not in page.locator("textarea[name=conda]").input_value()
    text.press("Control+y")
    switch_to(page, "Rows")
    rows = page.locator("[name=pip_name]")
    expect(rows).to_have_count(2)
    page.locator("[name=pip_constraint]").nth(0).fill("==13.9.4")
    page.get_by_role("button", name="Register", exact=True).click()
    expect(page.get_by_role("heading", name=f"{name} 1")).to_be_visible()
    wanted = FILE.replace("=>1.2", ">=1.2").replace("rich>=13 ", "rich==13.9.4 ") + "      - idna==3.10\n"
    assert source(portal, name) == wanted


def test_a_review_shows_the_changes_and_then_registers(portal, open_page):
    name = portal.register("idna==3.9").split("/")[3]
    page = open_page(f"/workspaces/default/environments/{name}/new-version/")
    page.locator("[name=pip_constraint]").fill("==3.10")
    expect(page.locator("#findings")).to_contain_text("1 change")
    page.get_by_role("button", name="Review changes").click()
    row = page.get_by_role("row", name="idna")
    expect(row).to_contain_text("==3.9")
    expect(row).to_contain_text("==3.10")
    page.get_by_role("button", name="Back to editing").click()
    expect(page.locator("[name=pip_constraint]")).to_have_value("==3.10")
    page.get_by_role("button", name="Review changes").click()
    page.get_by_label("What changes, and why").fill("Newer")
    assert [v["id"] for v in Axe().run(page).response["violations"] if v["impact"] in ("serious", "critical")] == []
    page.get_by_role("button", name="Register", exact=True).click()
    expect(page.get_by_role("heading", name=f"{name} 2")).to_be_visible()
    expect(page.get_by_text("Newer")).to_be_visible()


def test_unsaved_work_outlives_a_reload_and_warns_before_it_is_left(portal, open_page):
    page = open_page(NEW)
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.get_by_label("Name", exact=True).fill("half-done")
    page.locator("[name=pip_name]").first.fill("numpy")
    page.locator("[name=pip_constraint]").first.fill(">=2")
    page.wait_for_timeout(800)
    page.reload()
    assert asked == ["beforeunload"]
    expect(page.get_by_text("Restored what you had not registered yet")).to_be_visible()
    expect(page.locator("[name=pip_name]").first).to_have_value("numpy")
    expect(page.locator("[name=pip_constraint]").first).to_have_value(">=2")
    expect(page.get_by_label("Name", exact=True)).to_have_value("half-done")
    page.get_by_role("button", name="Discard it").click()
    expect(page.locator("[name=pip_name]").first).to_have_value("")
    page.reload()
    expect(page.get_by_text("Restored what you had not registered yet")).to_be_hidden()


def test_unsaved_work_outlives_a_version_that_somebody_else_registered(portal, open_page):
    name = portal.register("idna==3.9").split("/")[3]
    page = open_page(f"/workspaces/default/environments/{name}/new-version/")
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("[name=pip_constraint]").fill("==3.8")
    page.wait_for_timeout(800)
    other = page.context.new_page()
    other.goto(page.url)
    other.locator("[name=pip_constraint]").fill("==3.10")
    other.get_by_role("button", name="Review changes").click()
    other.get_by_role("button", name="Register", exact=True).click()
    expect(other.get_by_role("heading", name=f"{name} 2")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Another version was registered meanwhile")).to_be_visible()
    expect(page.locator("[name=pip_constraint]")).to_have_value("==3.8")
    expect(page.locator("#findings")).to_contain_text("Against version 2 1 change")


def test_enter_in_a_field_checks_and_registers_nothing(portal, open_page):
    page, name = open_page(NEW), a_name()
    page.get_by_label("Name", exact=True).fill(name)
    page.locator("[name=pip_name]").first.fill("two words more")
    page.keyboard.press("Enter")
    expect(page.locator("#findings")).to_contain_text("1 error")
    page.locator("[name=pip_name]").first.fill("idna")
    page.keyboard.press("Enter")
    expect(page.locator("#findings")).not_to_contain_text("error")
    assert page.url == portal.url + NEW


def test_what_was_registered_does_not_come_back(portal, open_page):
    page = open_page(NEW)
    page.get_by_label("Name", exact=True).fill(a_name())
    page.locator("[name=pip_name]").first.fill("idna")
    page.wait_for_timeout(800)
    page.get_by_role("button", name="Register", exact=True).click()
    expect(page.get_by_role("heading", name="edited-")).to_be_visible()
    page.goto(portal.url + NEW)
    page.wait_for_timeout(500)
    expect(page.locator("[name=pip_name]").first).to_have_value("")


def test_a_422_keeps_what_was_typed_and_its_draft(portal, open_page):
    page = open_page(NEW)
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_label("Name", exact=True).fill("two words")
    page.locator("[name=pip_name]").first.fill("idna")
    with page.expect_response(lambda answer: answer.status == 422):
        page.get_by_role("button", name="Register", exact=True).click()
    expect(page.get_by_text("Not allowed: a space")).to_be_visible()
    expect(page.locator("[name=pip_name]").first).to_have_value("idna")


def test_channels_are_ordered_by_dragging_and_by_keys(portal, open_page):
    page = open_page(NEW)
    paste(page, "channels: [a, b, c]\ndependencies: [zlib]\n")
    order = lambda: page.locator("[name=channel]").evaluate_all("all => all.map(one => one.value)")  # noqa: E731
    items = page.locator("[data-order] > li")
    items.nth(2).locator(".grip").drag_to(items.nth(0), target_position={"x": 60, "y": 3})
    assert order() == ["c", "a", "b"]
    page.locator("[name=channel]").nth(1).focus()
    page.keyboard.press("Alt+ArrowDown")
    expect(page.locator("[name=channel]").nth(2)).to_have_value("a")
    assert order() == ["c", "b", "a"]
    switch_to(page, "Text")
    assert page.locator("textarea[name=conda]").input_value().startswith("channels: [c, b, a]")


def test_nothing_that_is_typed_is_lost_while_findings_arrive(open_page):
    page = open_page(NEW)
    page.locator("[name=pip_name]").first.press_sequentially("numpy", delay=60)
    page.keyboard.press("Tab")
    page.keyboard.type(">=2.1,<3", delay=120)
    expect(page.locator("#findings")).to_contain_text("numpy has no exact version")
    expect(page.locator("[name=pip_constraint]").first).to_have_value(">=2.1,<3")
    expect(page.locator("#said-pip-0")).to_contain_text("numpy has no exact version")
    expect(page.locator("[name=pip_constraint]").first).to_be_focused()


@pytest.mark.parametrize(("width", "theme"), [(1360, "light"), (360, "dark")])
def test_the_editor_has_no_serious_finding_of_axe_and_does_not_scroll_sideways(open_page, width, theme):
    page = open_page(NEW, color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 800})
    for view in ("Rows", "Text"):
        if view == "Rows":
            paste(page, FILE + "variables:\n  A: b\n")
            closed = page.locator("#definition > .split > .stack > details:not([open]) > summary")
            while closed.count():
                closed.first.click()
        else:
            switch_to(page, view)
            expect(page.locator(".cm-finding").first).to_be_visible()
        found = [v["id"] for v in Axe().run(page).response["violations"] if v["impact"] in ("serious", "critical")]
        assert (view, found) == (view, [])
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_private_wheel_goes_from_the_upload_into_a_prefix(portal, open_page, tmp_path):
    file = tmp_path / "demo_pkg-1.0-py3-none-any.whl"
    file.write_bytes(make_wheel())
    page = open_page("/workspaces/default/wheels/")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", name="demo-pkg 1.0")).to_be_visible()
    status, wheels = portal.call("GET", "workspaces/default/wheels/")
    assert (status, [wheel["filename"] for wheel in wheels["results"]]) == (200, [file.name])
    pk = portal.ask(portal.register(wheels["results"][0]["line"]))
    build = portal.wait_for_end(pk)
    assert (build["status"], build["packages"][0]["version"]) == ("succeeded", "1.0")
    log = portal.fetch(f"builds/{pk}/log/")
    assert file.name in log
    assert "signature" not in log
    assert str(portal.var) not in log


def test_a_long_text_stays_quick_to_open_and_to_type_in(open_page):
    page = open_page(NEW)
    lines = "".join(f"  - package-{n}=1.{n}\n" for n in range(5000))
    page.locator("summary", has_text="From a file or an environment").click()
    file = {"name": "environment.yml", "mimeType": "text/plain", "buffer": f"dependencies:\n{lines}".encode()}
    page.locator("#upload").set_input_files(file)
    page.locator("button[value=read]").click()
    text = page.get_by_role("textbox", name="Packages")
    text.press("Control+End")
    began = time.monotonic()
    page.keyboard.type("  - last-one=2")
    expect(page.locator(".cm-line", has_text="last-one=2")).to_be_visible()
    assert time.monotonic() - began < 5


def test_what_would_be_installed_stands_there_while_one_types(open_page):
    page = open_page(NEW)
    page.get_by_label("Python version").fill(HERE)
    page.locator("[name=pip_name]").first.fill("idna")
    page.locator("[name=pip_constraint]").first.fill("==3.10")
    expect(page.locator("#preview")).to_contain_text("Fits together", timeout=20_000)
    expect(page.locator("#answer-pip-0")).to_have_text("3.10")
    page.locator("[name=pip_constraint]").first.fill("==99")
    expect(page.locator("#preview")).to_contain_text("Does not fit", timeout=20_000)
    page.locator("#preview").get_by_role("button", name="Use it").click()
    expect(page.locator("[name=pip_constraint]").first).to_have_value("")
    expect(page.locator("#preview")).to_contain_text("Fits together", timeout=20_000)
