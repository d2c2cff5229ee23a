"""Every list costs the same number of queries with one row and with three."""

import hashlib
from dataclasses import replace
from datetime import date

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from builds.models import Advisory, AdvisoryImport, Ignored, Lock, Outlook, SigningKey, VersionLock
from builds.tests.test_models import PACKAGE, succeed
from environments.models import Interpreter, Membership, Notice, PortalRole, Rule, Token, Workspace
from envportal.tests.wheel_maker import make_wheel
from runs.models import Run

SHA = hashlib.sha256(make_wheel()).hexdigest()
# Page or API list, its arguments, and how many queries it takes, session and person included.
LISTS = [
    ("home", [], 18),
    ("shelf", [], 15),
    ("environment", ["curated", "AzureML-0"], 21),
    ("endings", [], 11),
    ("waiting", [], 8),
    ("lifecycle", ["AzureML-0"], 13),
    ("api-waiting", [], 3),
    ("api-shelf", [], 5),
    ("api-curated-users", ["AzureML-0"], 8),
    ("environments", ["team"], 14),
    ("environment", ["team", "science"], 14),
    ("version", ["team", "science", 1], 14),
    ("environment-diff", ["team", "science"], 16),
    ("package", ["team", "science", "pip", "idna"], 8),
    ("builds", ["team", "science"], 12),
    ("workspace-builds", ["team"], 10),
    ("new-environment", ["team"], 13),
    ("starts", ["team"], 7),
    ("new-version", ["team", "science"], 16),
    ("secrets", ["team"], 7),
    ("advisories", [], 8),
    ("advisory", ["GHSA-0000-0000-0000"], 9),
    ("people", ["team"], 7),
    ("tokens", [], 7),
    ("sessions", [], 6),
    ("portal-people", [], 7),
    ("api-portal-people", [], 4),
    ("policies", ["team"], 8),
    ("api-policies", ["team"], 4),
    ("api-members", ["team"], 4),
    ("api-tokens", [], 3),
    ("api-sessions", [], 3),
    ("wheels", ["team"], 7),
    ("wheel", ["team", SHA], 8),
    ("runs", ["team"], 6),
    ("inventory", ["team"], 16),
    ("licence-rules", ["team"], 7),
    ("provenance", [], 5),
    ("api-inventory", ["team"], 13),
    ("api-signing-keys", [], 3),
    ("api-runs", ["team"], 4),
    ("environment-settings", ["team", "science"], 8),
    ("api-labels", ["team", "science"], 5),
    ("api-environment", ["team", "science"], 8),
    ("notices", [], 5),
    ("notice-choices", [], 6),
    ("api-notices", [], 3),
    ("api-workspaces", [], 3),
    ("api-environments", ["team"], 7),
    ("api-versions", ["team", "science"], 6),
    ("api-environment-diff", ["team", "science"], 11),
    ("api-timeline", ["team", "science"], 7),
    ("api-package", ["team", "science", "pip", "idna"], 6),
    ("api-version-builds", ["team", "science", 1], 10),
    ("api-workspace-builds", ["team"], 8),
    ("api-advisories", [], 5),
    ("api-advisory", ["GHSA-0000-0000-0000"], 6),
    ("api-secrets", ["team"], 4),
    ("api-wheels", ["team"], 4),
    ("api-wheel", ["team", SHA], 5),
]
CURATORS = {"waiting", "lifecycle", "api-waiting"}
AUDITORS = {"portal-people", "api-portal-people"}


def advise(n):
    """An advisory, and the import that brought it."""
    AdvisoryImport.objects.create(source="x")
    advisory = Advisory.objects.create(osv_id=f"GHSA-0000-0000-000{n}", modified=timezone.now())
    advisory.affected.create(name="idna", ranges=[[["introduced", "0"]]])


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("name", "args", "count"), LISTS, ids=[name for name, *_ in LISTS])
def test_a_list_costs_the_same_however_long(
    client,
    workspace,
    environment,
    editor,
    wanted,
    wheel,
    upload,
    django_assert_num_queries,
    person,
    curate,
    name,
    args,
    count,
    rows,
):
    line = wheel.line("https://env.example.org")
    for n in range(rows):
        version = environment.register(wanted(f"idna=={n}", line, conda=["gdal"]), editor)[0]
        workspace.add_wheel(upload(make_wheel(version=f"1.1{n}"), f"demo_pkg-1.1{n}-py3-none-any.whl"), editor)
        workspace.set_secret(f"TOKEN_{n}", "hunter22", [], editor)
        build = version.builds.request(version, editor)
        build.fail("ours", "because")
        Run.objects.record(workspace, editor, version=version, person="p", started=build.created)
        first = environment.versions.get(number=1)
        first.builds.request(first, editor)
        workspace.add_environment(f"more-{n}", editor, tags={"n": str(n)})
        environment.labels.point(environment, f"label-{n}", version, editor)
        environment.describe(editor, tags={f"tag-{m}": "" for m in range(n + 1)})
        Rule.objects.create(kind="image-deprecated", subject=f"old:{n}")
        Rule.objects.create(kind="image-deprecated", subject=f"old:{n}", workspace=workspace)
        Workspace.objects.create(name=f"more-{n}").memberships.create(user=editor, role=2)
        advise(n)
        origin = curate(f"AzureML-{n}", f"certifi=={n}")
        copy = workspace.add_environment(f"copy-{n}", editor).register(wanted(f"certifi=={n}"), editor, origin=origin)[
            0
        ]
        succeed(origin.builds.request(origin, editor))
        Outlook.objects.create(environment=origin.environment, version=origin, at=copy.created, failure="no")
        Membership.objects.create(workspace=workspace, user=person(f"member-{n}"), role=1)
        Token.make(editor, f"token {n}", workspace=workspace)
        Client().force_login(editor)
        Notice.objects.create(user=editor, kind="curated", workspace=workspace, subject="s", once_key=f"k{n}")
        Ignored.objects.create(
            osv_id="GHSA-0000-0000-0000", reason="r", until="2999-12-31", by=editor, ended=first.created
        )
        Interpreter.objects.create(worker="w", version=f"3.1{n}.0", path="x")
        if name == "endings":
            origin.environment.curation.change(stage="deprecated", ends=date(2999, 1, 31), reason="Old.")
        lock = Lock.objects.store("3.11.7", "linux-64", [replace(PACKAGE, name=f"name-{n}"), PACKAGE])
        VersionLock.objects.keep(version, lock, editor)
        SigningKey.objects.create(keyid=f"{n:064}", pem="x")
    if name in CURATORS:
        PortalRole.objects.create(user=editor, kind=PortalRole.Kind.CURATOR)
    if name in AUDITORS:
        PortalRole.objects.create(user=editor, kind=PortalRole.Kind.AUDITOR)
    client.force_login(editor)
    url = reverse(name, args=args)
    client.get(url)
    with django_assert_num_queries(count):
        assert client.get(url).status_code == 200
