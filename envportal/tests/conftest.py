import os
import re
import uuid

import pytest
from playwright.sync_api import sync_playwright

from envportal.tests.running import PASSWORD, Portal, run_sql


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    var = tmp_path_factory.mktemp("portal")
    name = f"envportal_{uuid.uuid4().hex[:8]}"
    url = os.environ.get("DATABASE_URL", "")
    if url:
        run_sql(url, f"CREATE DATABASE {name}")
        url = re.sub(r"/[^/]*$", f"/{name}", url)
    portal = Portal(var, url)
    portal.start()
    yield portal
    portal.stop()
    if url:
        run_sql(os.environ["DATABASE_URL"], f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(portal, chromium):
    """Open a page of the portal as admin; every console error and foreign request fails the test."""
    contexts, faults = [], []
    # No faults: a form that was refused, a question that a newer one replaced, an answer for a row that is gone.
    fine = ("status of 422", "htmx:sendAbort", "htmx:afterRequest", "htmx:oobErrorNoTarget")

    def open_page(path="/", **options):
        context = chromium.new_context(viewport={"width": 1360, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console",
            lambda m: faults.append(m.text) if m.type == "error" and not any(word in m.text for word in fine) else None,
        )
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        page.on("request", lambda r: faults.append(r.url) if not r.url.startswith((portal.url, "data:")) else None)
        page.goto(f"{portal.url}{path}")
        page.get_by_label("Name", exact=True).fill("admin")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda url: "/sign-in/" not in url)
        page.wait_for_load_state("load")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []
