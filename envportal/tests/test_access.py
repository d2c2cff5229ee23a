"""Every URL of the portal with every kind of person. A URL that is not in the table fails the test.

Where a line does not say otherwise, a curator is a stranger, an auditor a viewer, and an administrator an owner.
"""

import hashlib
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, get_resolver, reverse
from django.utils import timezone

from builds.models import Build, Worker
from builds.tests.test_models import succeed
from environments import definition, lifecycle, password_links
from environments.models import Delivery, Hook, Invitation, Notice, Role, Rule, Token
from envportal.tests.wheel_maker import make_wheel
from events.models import Tally
from runs.models import Run

ANYBODY = {"nobody": 200, "stranger": 200, "viewer": 200, "editor": 200, "owner": 200}
SIGNED_IN = {"nobody": 302, "stranger": 200, "viewer": 200, "editor": 200, "owner": 200}
MEMBERS = {"nobody": 302, "stranger": 404, "viewer": 200, "editor": 200, "owner": 200}
EDITORS = {"nobody": 302, "stranger": 404, "viewer": 403, "editor": 200, "owner": 200}
EDITORS_POST = {"nobody": 302, "stranger": 404, "viewer": 403, "editor": 302, "owner": 302}
NO_MEMBERS = {"nobody": 302, "stranger": 403, "viewer": 403, "editor": 403, "owner": 403}
API_NO_MEMBERS = NO_MEMBERS | {"nobody": 401}
OWNERS = EDITORS | {"editor": 403}
API_SIGNED_IN = SIGNED_IN | {"nobody": 401}
API_MEMBERS = MEMBERS | {"nobody": 401}


ADMINISTRATORS = NO_MEMBERS | {"administrator": 200}
API_ADMINISTRATORS = API_NO_MEMBERS | {"administrator": 200}
# Auditors see, administrators change.
STORAGE = ADMINISTRATORS | {"auditor": 200}
API_STORAGE = API_ADMINISTRATORS | {"auditor": 200}
CURATORS = ADMINISTRATORS | {"curator": 200}
API_CURATORS = API_ADMINISTRATORS | {"curator": 200}
OWNERS_POST = EDITORS_POST | {"editor": 403}
# Whoever has the link of an invitation and is not in the workspace.
INVITED = {"nobody": 302, "stranger": 200, "curator": 200, "auditor": 200, "administrator": 200}
# Events are of owners; a stranger owns another workspace, and sees that one's.
EVENTS = OWNERS | {"stranger": 200, "curator": 403, "auditor": 200}
# What belongs to one person: here to the owner of the workspace.
MINE = dict.fromkeys(SIGNED_IN, 404) | {"nobody": 302, "owner": 302, "administrator": 404}
API_MINE = MINE | {"nobody": 401, "owner": 204}


def only_owners(status):
    return only_editors(status) | {"editor": 403}


def only_editors(status):
    return {"nobody": 401, "stranger": 404, "viewer": 403, "editor": status, "owner": status}


W, E, V, B = ["team"], ["team", "science"], ["team", "science", 1], "build"
L = "lock"  # of the build, which then has one
K, KF = "digest", "digest and file"  # of that lock
A, P = "artifact", "packages"  # of the build, which then is good: one of its files, and what an archive is made of
R = "run"
Z, G, GD = "notice", "webhook", "delivery"  # a notice of the owner; a webhook, and something that it was told
HOOK = {"address": "https://hooks.example.org/x", "kinds": ["advisory"]}
N = "label"  # of the environment, which points at its first version
X, XV, D = (
    "archived",
    "archived version",
    "unused",
)  # the environment or its version, archived; an environment to delete
J, JL, T = "invitation", "invitation's link", "token"  # the last of the owner
PE, PL = "person", "password link"  # of the owner
WK, PR, WR = "worker", "rule of the portal", "rule of the workspace"
M = ["team", "edgar"]
RULE = {"kind": "package-blocked", "subject": "left-pad"}
NEW_TOKEN = {"name": "nightly", "scopes": ["read"]}
RAN = {"environment": "science", "started": "2026-01-02T03:04:05Z"}
# The wheel that the fixture makes, which is always the same.
WHEEL = make_wheel()
H = ["team", hashlib.sha256(WHEEL).hexdigest()]
F = [*H, "demo_pkg-1.0-py3-none-any.whl"]
S = ["team", "TOKEN"]
C = ["AzureML-Minimal"]
OF_CURATED = ["team", "AzureML-Minimal", 1]  # found in every workspace
I = ["team", "GHSA-cpwx-vrp4-4pq7"]  # noqa: E741
IGNORE = {"reason": "Not reached", "until": "2999-12-31"}
LICENCES = {"allowed": "MIT", "review": "", "denied": "", "otherwise": ""}
SECRET = {"name": "TOKEN", "value": "hunter22", "hosts": ""}
SEEN = {"offset": 0, "number": 1, "state": "queued-"}
DEFINITION = {"python": {"condaDependencies": {"dependencies": ["python=3.11", {"pip": ["rich==13.0"]}]}}}

# Name, arguments, method, data, and who gets which status.
TABLE = [
    ("healthz", [], "get", None, None),  # its status is about the portal and not about the person
    ("api-schema", [], "get", None, ANYBODY),
    ("api-docs", [], "get", None, ANYBODY),
    ("sign-in", [], "get", None, {"nobody": 200, "stranger": 302, "viewer": 302, "editor": 302, "owner": 302}),
    ("oidc-sign-in", [], "get", None, dict.fromkeys(ANYBODY, 404)),  # unless a setting names a provider: test_oidc.py
    ("oidc-callback", [], "get", None, dict.fromkeys(ANYBODY, 404)),
    ("ask-password", [], "get", None, dict.fromkeys(ANYBODY, 404)),  # unless there is mail: test_passwords.py
    ("set-password", ["MQ", "nonsense"], "get", None, dict.fromkeys(ANYBODY, 410)),
    ("set-password", PL, "get", None, dict.fromkeys(ANYBODY, 302)),
    ("sign-out", [], "post", {}, dict.fromkeys(ANYBODY, 302)),
    ("admin-sign-in", [], "get", None, dict.fromkeys(ANYBODY, 403) | {"nobody": 302}),
    ("home", [], "get", None, SIGNED_IN),
    ("tokens", [], "get", None, SIGNED_IN),
    ("tokens", [], "post", NEW_TOKEN, SIGNED_IN),
    ("token-revoke", T, "post", {}, MINE),
    ("sessions", [], "get", None, SIGNED_IN),
    ("sessions", [], "post", {}, dict.fromkeys(SIGNED_IN, 302)),
    ("session-end", ["0" * 16], "post", {}, dict.fromkeys(SIGNED_IN, 404) | {"nobody": 302}),
    ("password", [], "get", None, SIGNED_IN),
    ("password", [], "post", {}, dict.fromkeys(SIGNED_IN, 422) | {"nobody": 302}),
    ("new-workspace", [], "get", None, ADMINISTRATORS),
    ("new-workspace", [], "post", {"name": "crew"}, ADMINISTRATORS | {"administrator": 302}),
    ("people", W, "get", None, MEMBERS),
    ("people", W, "post", {"person": "edgar", "role": 1}, OWNERS_POST),
    ("invite", W, "get", None, OWNERS_POST),
    ("invite", W, "post", {"role": 1}, OWNERS),
    ("invitation-revoke", J, "post", {}, OWNERS_POST),
    ("member-remove", M, "get", None, OWNERS),
    ("member-remove", M, "post", {}, OWNERS_POST),
    ("leave", W, "get", None, MEMBERS | {"auditor": 404, "administrator": 404}),
    (
        "leave",
        W,
        "post",
        {},
        EDITORS_POST | {"viewer": 302, "owner": 409, "auditor": 404, "administrator": 404},  # the last owner stays
    ),
    ("invitation", JL, "get", None, dict.fromkeys(MEMBERS, 410) | INVITED),
    ("invitation", JL, "post", {}, dict.fromkeys(MEMBERS, 410) | dict.fromkeys(INVITED, 302)),
    ("notices", [], "get", None, SIGNED_IN),
    ("notices-read", [], "post", {}, dict.fromkeys(SIGNED_IN, 302)),
    ("notice", Z, "get", None, MINE),
    ("notice-read", Z, "post", {}, dict.fromkeys(SIGNED_IN, 302)),  # of others nothing happens
    ("notice-choices", [], "get", None, SIGNED_IN),
    ("notice-choices", [], "post", {}, dict.fromkeys(SIGNED_IN, 302)),
    ("hooks", W, "get", None, OWNERS | {"auditor": 200}),
    ("hooks", W, "post", HOOK, OWNERS),
    ("hook", G, "get", None, OWNERS),
    ("hook", G, "post", HOOK, OWNERS_POST),
    ("hook-test", G, "post", {}, OWNERS_POST),
    ("hook-secret", G, "post", {}, OWNERS),
    ("hook-delete", G, "get", None, OWNERS),
    ("hook-delete", G, "post", {}, OWNERS_POST),
    ("delivery-again", GD, "post", {}, OWNERS_POST),
    ("api-notices", [], "get", None, API_SIGNED_IN),
    ("api-notices", [], "post", {}, dict.fromkeys(SIGNED_IN, 204) | {"nobody": 401}),
    ("api-notice-read", Z, "post", {}, API_MINE | {"owner": 200}),
    ("api-notice-choices", [], "get", None, API_SIGNED_IN),
    ("api-notice-choices", [], "patch", {"advisory": {"mail": False}}, API_SIGNED_IN),
    ("api-hooks", W, "get", None, only_owners(200) | {"auditor": 200}),
    ("api-hooks", W, "post", HOOK, only_owners(201)),
    ("api-hook", G, "get", None, only_owners(200)),
    ("api-hook", G, "patch", {"is_on": False}, only_owners(200)),
    ("api-hook", G, "delete", None, only_owners(204)),
    ("api-hook-secret", G, "post", {}, only_owners(200)),
    ("api-hook-test", G, "post", {}, only_owners(202)),
    ("api-deliveries", G, "get", None, only_owners(200)),
    ("api-delivery-again", GD, "post", {}, only_owners(202)),
    ("api-me", [], "get", None, API_SIGNED_IN),
    ("api-tokens", [], "get", None, API_SIGNED_IN),
    ("api-tokens", [], "post", NEW_TOKEN, dict.fromkeys(SIGNED_IN, 201) | {"nobody": 401}),
    ("api-token", T, "delete", None, API_MINE),
    ("api-sessions", [], "get", None, API_SIGNED_IN),
    ("api-sessions", [], "delete", None, dict.fromkeys(SIGNED_IN, 204) | {"nobody": 401}),
    ("api-session", ["0" * 16], "delete", None, dict.fromkeys(SIGNED_IN, 404) | {"nobody": 401}),
    ("api-workspaces", [], "post", {"name": "crew"}, API_ADMINISTRATORS | {"administrator": 201}),
    ("api-members", W, "get", None, API_MEMBERS),
    ("api-member", M, "get", None, API_MEMBERS),
    ("api-member", M, "put", {"role": "viewer"}, only_owners(200)),
    ("api-member", M, "delete", None, only_editors(204)),  # who is edgar, and leaves
    ("api-invitations", W, "get", None, only_owners(200) | {"auditor": 200}),
    ("api-invitations", W, "post", {"role": "viewer"}, only_owners(201)),
    ("api-invitation", J, "delete", None, only_owners(204)),
    (
        "api-invitation-accept",
        [],
        "post",
        {"invitation": "nonsense"},
        dict.fromkeys(SIGNED_IN, 410) | {"nobody": 401},
    ),
    ("suggest", [], "get", {"manager": "pip", "q": "num"}, SIGNED_IN),
    ("shelf", [], "get", None, SIGNED_IN),
    ("endings", [], "get", None, SIGNED_IN),
    ("waiting", [], "get", None, CURATORS),
    ("curated-use", C, "get", None, dict.fromkeys(MEMBERS, 302)),
    (
        "curated-use",
        C,
        "post",
        {"workspace": "team", "name": "mine", "packages": "rich"},
        dict.fromkeys(MEMBERS, 422) | {"nobody": 302, "editor": 302, "owner": 302},
    ),
    ("lifecycle", C, "get", None, CURATORS),
    ("lifecycle", C, "post", {"stage": "preview"}, CURATORS | dict.fromkeys(("curator", "administrator"), 302)),
    ("environment", OF_CURATED[:2], "get", None, MEMBERS),
    ("environment", ["curated", *C], "get", None, SIGNED_IN),
    ("version", ["curated", *C, 1], "get", None, SIGNED_IN),
    (
        "new-version",
        OF_CURATED[:2],
        "get",
        None,
        {"nobody": 302, "stranger": 404, "viewer": 403, "editor": 403, "owner": 403, "administrator": 200},
    ),
    ("new-version", ["curated", *C], "get", None, CURATORS),
    ("new-environment", ["curated"], "get", None, CURATORS),
    ("request-build", OF_CURATED, "post", {}, EDITORS_POST),
    ("origin", E, "get", None, MEMBERS),
    ("origin", E, "post", {}, EDITORS | dict.fromkeys(("editor", "owner"), 422)),
    ("api-shelf", [], "get", None, API_SIGNED_IN),
    ("api-waiting", [], "get", None, API_CURATORS),
    ("api-curated", C, "get", None, API_SIGNED_IN),
    ("api-curated", C, "patch", {"stage": "preview"}, API_CURATORS),
    ("api-curated-users", C, "get", None, API_SIGNED_IN),
    ("api-origin", E, "get", None, dict.fromkeys(MEMBERS, 204) | {"nobody": 401, "stranger": 404}),
    ("api-origin", E, "post", {}, only_editors(400)),
    ("api-environment", OF_CURATED[:2], "get", None, API_MEMBERS),
    ("api-version", OF_CURATED, "get", None, API_MEMBERS),
    ("api-version-builds", OF_CURATED, "get", None, API_MEMBERS),
    ("api-version-builds", OF_CURATED, "post", {}, only_editors(201)),
    (
        "api-versions",
        OF_CURATED[:2],
        "post",
        {"definition": DEFINITION},
        NO_MEMBERS | {"nobody": 401, "stranger": 404, "administrator": 201},
    ),
    ("environments", W, "get", None, MEMBERS),
    ("new-environment", W, "get", None, EDITORS),
    ("new-environment", W, "post", {"name": "n", "pip_name": "idna", "pip_constraint": "", "python": ""}, EDITORS_POST),
    ("starts", W, "get", None, EDITORS),
    ("environment", E, "get", None, MEMBERS),
    ("environment-settings", E, "get", None, EDITORS),
    ("environment-settings", E, "post", {"description": "d", "tags": "a=b"}, EDITORS_POST),
    ("label-set", E, "post", {"label": "next", "version": "1"}, EDITORS_POST),
    ("label-remove", N, "post", {}, EDITORS_POST),
    ("environment-archive", E, "get", None, EDITORS_POST),
    ("environment-archive", E, "post", {}, EDITORS_POST),
    ("environment-restore", X, "post", {}, EDITORS_POST),
    ("environment-delete", E, "get", None, OWNERS),
    ("environment-delete", D, "post", {}, OWNERS_POST),
    ("version-archive", V, "post", {}, EDITORS_POST),
    ("version-restore", XV, "post", {}, EDITORS_POST),
    ("version-delete", V, "get", None, OWNERS),
    ("version-delete", V, "post", {}, OWNERS | {"owner": 409}),
    ("new-version", E, "get", None, EDITORS),
    ("new-version", E, "post", {"pip_name": "rich", "pip_constraint": "", "python": ""}, EDITORS_POST),
    ("version", V, "get", None, MEMBERS),
    ("version-file", [*V, "environment.yml"], "get", None, MEMBERS),
    ("request-build", V, "post", {}, EDITORS_POST),
    ("request-build", V, "get", None, EDITORS_POST),
    ("refresh", V, "get", None, EDITORS),
    ("refresh", V, "post", {}, EDITORS),
    ("keep-lock", V, "post", {"lock": "0" * 64}, {"nobody": 302, "stranger": 404, "viewer": 403, "editor": 404}),
    ("lock", K, "get", None, MEMBERS),
    ("lock-file", KF, "get", None, MEMBERS),
    ("lock-bill", K, "get", None, MEMBERS),
    ("builds", E, "get", None, MEMBERS),
    ("workspace-builds", W, "get", None, MEMBERS),
    ("build", B, "get", None, MEMBERS),
    ("build-live", B, "get", SEEN, MEMBERS),
    ("build-log", B, "get", None, MEMBERS),
    ("build-lock-file", L, "get", None, MEMBERS),
    ("build-lines", B, "get", {"first": 1, "last": 9}, {**dict.fromkeys(MEMBERS, 302), "stranger": 404}),
    ("build-stream", B, "get", {"offset": 0, "state": ""}, MEMBERS),
    ("build-artifacts", P, "get", None, dict.fromkeys(MEMBERS, 302) | {"stranger": 404}),
    ("build-artifact", A, "get", None, MEMBERS),
    ("signed-artifact", A, "get", None, dict.fromkeys(ANYBODY, 403)),
    ("build-archive", P, "post", {}, dict.fromkeys(MEMBERS, 302) | {"stranger": 404, "auditor": 403}),
    ("build-cancel", B, "post", {}, EDITORS_POST),
    ("build-cancel", B, "get", None, EDITORS_POST),
    ("diff", [], "get", None, SIGNED_IN),
    ("diff", [], "get", {"from": "team/science/1", "to": "team/science/1"}, MEMBERS),
    ("environment-diff", E, "get", {"from": "1", "to": "1"}, MEMBERS),
    ("environment-diff", E, "get", {"from": "1", "to": "2"}, dict.fromkeys(MEMBERS, 404) | {"nobody": 302}),
    (
        "draft-diff",
        E,
        "post",
        {"pip_name": "", "pip_constraint": ""},
        EDITORS | dict.fromkeys(("editor", "owner"), 422),
    ),
    ("package", [*E, "pip", "idna"], "get", None, MEMBERS),
    ("build-rebuild", B, "get", None, EDITORS),
    ("build-rebuild", P, "post", {}, EDITORS_POST),
    ("build-free", B, "get", None, EDITORS),
    ("build-free", P, "post", {}, EDITORS_POST),
    ("build-delete", B, "get", None, OWNERS),
    ("build-delete", B, "post", {}, OWNERS | {"owner": 409}),
    ("advisories", [], "get", None, SIGNED_IN),
    ("advisory", ["CVE-2025-27516"], "get", None, SIGNED_IN),
    ("advisory-ignore", I, "get", None, OWNERS),
    ("advisory-ignore", I, "post", IGNORE, {**EDITORS_POST, "editor": 403}),
    ("advisory-ignore-everywhere", I[1:], "get", None, ADMINISTRATORS),
    ("advisory-ignore-everywhere", I[1:], "post", IGNORE, ADMINISTRATORS | {"administrator": 302}),
    ("licence-rules-everywhere", [], "get", None, SIGNED_IN),
    ("licence-rules-everywhere", [], "post", LICENCES, ADMINISTRATORS | {"administrator": 302}),
    ("licence-rules", W, "get", None, MEMBERS),
    ("licence-rules", W, "post", LICENCES, {**EDITORS_POST, "editor": 403}),
    ("inventory", W, "get", None, MEMBERS),
    ("inventory-export", W, "get", None, MEMBERS),
    ("inventory-bill", W, "get", None, MEMBERS),
    ("provenance", [], "get", None, ANYBODY),
    ("signing-keys", [], "get", None, ANYBODY),
    ("signing-key", ["0" * 64], "get", None, dict.fromkeys(ANYBODY, 404)),
    ("verify-script", [], "get", None, ANYBODY),
    ("storage", [], "get", None, STORAGE),
    ("storage", [], "post", {}, ADMINISTRATORS | {"administrator": 409}),
    ("administration", [], "get", None, STORAGE),
    ("settings", [], "get", None, STORAGE),
    ("workers", [], "get", None, STORAGE),
    ("worker", WK, "post", {"act": "drain"}, ADMINISTRATORS | {"administrator": 302}),
    ("queue", [], "get", None, STORAGE),
    ("queue-act", B, "post", {"act": "front"}, ADMINISTRATORS | {"administrator": 302}),
    ("quotas", [], "get", None, STORAGE),
    ("quota", W, "get", None, ADMINISTRATORS),
    ("quota", W, "post", {"at_once": "1"}, ADMINISTRATORS | {"administrator": 302}),
    ("portal-people", [], "get", None, STORAGE),
    ("portal-person", PE, "get", None, STORAGE),
    ("portal-person", PE, "post", {"act": "give", "role": "auditor"}, ADMINISTRATORS | {"administrator": 302}),
    ("portal-person", PE, "post", {"act": "deactivate"}, ADMINISTRATORS | {"administrator": 302}),
    ("portal-person-link", PE, "post", {}, ADMINISTRATORS),
    ("portal-person-new", [], "get", None, ADMINISTRATORS),
    ("portal-person-new", [], "post", {"username": "nils"}, ADMINISTRATORS | {"administrator": 302}),
    ("portal-policies", [], "get", None, STORAGE),
    ("portal-policy-new", [], "get", None, ADMINISTRATORS),
    ("portal-policy-new", [], "get", {"kind": "package-blocked"}, ADMINISTRATORS),
    ("portal-policy", PR, "get", None, ADMINISTRATORS),
    ("portal-policy", PR, "post", {"subject": "leftpad"}, ADMINISTRATORS | {"administrator": 302}),
    ("portal-policy-delete", PR, "get", None, ADMINISTRATORS),
    ("portal-policy-delete", PR, "post", {}, ADMINISTRATORS | {"administrator": 302}),
    ("policies", W, "get", None, MEMBERS),
    ("policy-new", W, "get", {"kind": "package-blocked"}, OWNERS),
    ("policy-new", W, "post", {}, OWNERS),
    ("policy", WR, "get", None, OWNERS),
    ("policy", WR, "post", {"subject": "leftpad"}, OWNERS_POST),
    ("policy-delete", WR, "get", None, OWNERS),
    ("policy-delete", WR, "post", {}, OWNERS_POST),
    ("api-administration", [], "get", None, API_STORAGE),
    ("api-settings", [], "get", None, API_STORAGE),
    ("api-workers", [], "get", None, API_STORAGE),
    ("api-worker", WK, "get", None, API_STORAGE),
    ("api-worker", WK, "patch", {"is_draining": True}, API_ADMINISTRATORS),
    ("api-worker", WK, "delete", None, API_ADMINISTRATORS | {"administrator": 409}),
    ("api-queue", [], "get", None, API_STORAGE),
    ("api-queue-act", B, "patch", {"to": "front"}, API_ADMINISTRATORS),
    ("api-quotas", [], "get", None, API_STORAGE),
    ("api-quota", W, "put", {"at_once": 1, "storage_mb": None}, API_ADMINISTRATORS),
    ("api-workspace-quota", W, "get", None, API_MEMBERS),
    ("api-portal-people", [], "get", None, API_STORAGE),
    ("api-portal-people", [], "post", {"person": "nils"}, API_ADMINISTRATORS | {"administrator": 201}),
    ("api-portal-person", ["olga"], "get", None, API_STORAGE),
    ("api-portal-person", ["olga"], "patch", {"is_active": False}, API_ADMINISTRATORS),
    ("api-portal-person-link", ["olga"], "post", {}, API_ADMINISTRATORS | {"administrator": 201}),
    ("api-portal-policies", [], "get", None, API_STORAGE),
    ("api-portal-policies", [], "post", RULE, API_ADMINISTRATORS | {"administrator": 201}),
    ("api-portal-policy", PR, "get", None, API_STORAGE),
    ("api-portal-policy", PR, "put", RULE, API_ADMINISTRATORS),
    ("api-portal-policy", PR, "delete", None, API_ADMINISTRATORS | {"administrator": 204}),
    ("api-policies", W, "get", None, API_MEMBERS),
    ("api-policies", W, "post", RULE, only_owners(201)),
    ("api-policy", WR, "get", None, API_MEMBERS),
    ("api-policy", WR, "put", RULE, only_owners(200)),
    ("api-policy", WR, "delete", None, only_owners(204)),
    ("secrets", W, "get", None, MEMBERS),
    ("secrets", W, "post", SECRET, {**EDITORS_POST, "editor": 403}),
    ("secret-delete", S, "get", None, {**EDITORS, "editor": 403}),
    ("secret-delete", S, "post", {}, {**EDITORS_POST, "editor": 403}),
    ("wheels", W, "get", None, MEMBERS),
    ("wheels", W, "post", WHEEL, EDITORS_POST),
    ("wheel", H, "get", None, MEMBERS),
    ("wheel-delete", H, "get", None, EDITORS),
    ("wheel-delete", H, "post", {}, EDITORS_POST),
    ("wheel-file", F, "get", None, API_MEMBERS),
    ("runs", W, "get", None, MEMBERS),
    ("run", R, "get", None, MEMBERS),
    ("api-runs", W, "get", None, API_MEMBERS),
    ("api-runs", W, "post", RAN, only_editors(201)),
    ("api-run", R, "get", None, API_MEMBERS),
    ("api-run", R, "patch", {"status": "failed"}, only_editors(409)),
    ("audit", [], "get", None, SIGNED_IN),
    ("audit-export", ["csv"], "get", {"package": "idna"}, SIGNED_IN),
    ("events", [], "get", None, EVENTS),
    ("events-export", ["csv"], "get", None, EVENTS),
    ("api-events", [], "get", None, EVENTS | {"nobody": 401}),
    ("api-events-export", ["json"], "get", None, EVENTS | {"nobody": 401}),
    ("api-usage", [], "get", {"package": "idna"}, API_SIGNED_IN),
    ("api-usage-export", ["json"], "get", {"package": "idna"}, API_SIGNED_IN),
    ("api-nothing", ["nothing"], "get", None, dict.fromkeys(ANYBODY, 404)),
    ("api-nothing", ["nothing"], "post", {}, dict.fromkeys(ANYBODY, 404)),
    ("api-workspaces", [], "get", None, API_SIGNED_IN),
    ("preview", W, "post", {"pip_name": "", "pip_constraint": ""}, EDITORS),
    ("api-resolve", [], "post", {"definition": {"python": {"userManagedDependencies": True}}}, API_SIGNED_IN),
    ("api-import", [], "post", {"text": "idna"}, API_SIGNED_IN),
    ("api-version-file", [*V, "environment.yml"], "get", None, API_MEMBERS),
    ("api-environments", W, "get", None, API_MEMBERS),
    ("api-environments", W, "post", {"name": "n"}, only_editors(201)),
    ("api-environments", W, "post", {}, only_editors(400)),
    ("api-environment", E, "get", None, API_MEMBERS),
    ("api-environment", E, "patch", {"description": "d"}, only_editors(200)),
    ("api-environment", D, "delete", None, only_owners(204)),
    ("api-environment-archive", E, "post", {}, only_editors(200)),
    ("api-environment-restore", X, "post", {}, only_editors(200)),
    ("api-version-archive", V, "post", {}, only_editors(200)),
    ("api-version-restore", XV, "post", {}, only_editors(200)),
    ("api-version", V, "delete", None, only_owners(409)),
    ("api-labels", E, "get", None, API_MEMBERS),
    ("api-label", N, "get", None, API_MEMBERS),
    ("api-label", N, "put", {"version": "latest"}, only_editors(200)),
    ("api-label", N, "delete", None, only_editors(204)),
    ("api-versions", E, "get", None, API_MEMBERS),
    ("api-versions", E, "post", {"definition": DEFINITION}, only_editors(201)),
    ("api-version", V, "get", None, API_MEMBERS),
    ("api-version-builds", V, "get", None, API_MEMBERS),
    ("api-version-builds", V, "post", {}, only_editors(201)),
    ("api-version-builds", V, "post", {"lock": "0" * 64}, only_editors(400)),
    ("api-refresh", V, "post", {}, only_editors(200)),
    ("api-version-locks", V, "get", None, API_MEMBERS),
    ("api-version-locks", V, "post", {"lock": "0" * 64}, only_editors(400)),
    ("api-lock", K, "get", None, API_MEMBERS),
    ("api-lock-file", KF, "get", None, API_MEMBERS),
    ("api-lock-bill", K, "get", None, API_MEMBERS),
    ("api-diff", [], "get", {"from": "team/science/1", "to": "team/science/1"}, API_MEMBERS),
    ("api-environment-diff", E, "get", None, API_MEMBERS),
    ("api-environment-diff", E, "post", {}, only_editors(400)),
    ("api-timeline", E, "get", None, API_MEMBERS),
    ("api-package", [*E, "pip", "idna"], "get", None, API_MEMBERS),
    ("api-secrets", W, "get", None, API_MEMBERS),
    ("api-secret", S, "get", None, API_MEMBERS),
    ("api-secret", S, "put", {"value": "hunter22"}, {**only_editors(200), "editor": 403}),
    ("api-secret", S, "delete", None, {**only_editors(204), "editor": 403}),
    ("api-wheels", W, "get", None, API_MEMBERS),
    ("api-wheels", W, "post", WHEEL, only_editors(200)),
    ("api-wheel", H, "get", None, API_MEMBERS),
    ("api-wheel", H, "delete", None, only_editors(204)),
    ("api-workspace-builds", W, "get", None, API_MEMBERS),
    ("api-build", B, "get", None, API_MEMBERS),
    ("api-build-log", B, "get", None, API_MEMBERS),
    ("api-build-lock-file", L, "get", None, API_MEMBERS),
    ("api-build-lines", B, "get", {"search": "idna"}, API_MEMBERS),
    ("api-build-stream", B, "get", None, API_MEMBERS),
    ("api-build-artifacts", P, "get", None, API_MEMBERS),
    ("api-build-artifact", A, "get", None, API_MEMBERS),
    ("api-build-archive", P, "get", None, dict.fromkeys(MEMBERS, 404) | {"nobody": 401}),
    (
        "api-build-archive",
        P,
        "post",
        {},
        dict.fromkeys(MEMBERS, 202) | {"nobody": 401, "stranger": 404, "auditor": 403},
    ),
    ("api-build-cancel", B, "post", {}, only_editors(200)),
    ("api-build", B, "delete", None, only_editors(409) | {"editor": 403}),
    ("api-build-rebuild", B, "post", {}, only_editors(409)),
    ("api-build-free", B, "post", {}, only_editors(409)),
    ("api-advisories", [], "get", None, API_SIGNED_IN),
    ("api-advisory", I[1:], "get", None, API_SIGNED_IN),
    ("api-advisory-ignore", I, "put", IGNORE, {**only_editors(200), "editor": 403}),
    ("api-advisory-ignore", I, "delete", None, {**only_editors(409), "editor": 403}),
    ("api-advisory-ignore-everywhere", I[1:], "put", IGNORE, API_ADMINISTRATORS),
    ("api-advisory-ignore-everywhere", I[1:], "delete", None, API_NO_MEMBERS | {"administrator": 409}),
    ("api-licence-rules-everywhere", [], "get", None, API_SIGNED_IN),
    ("api-licence-rules-everywhere", [], "put", {"denied": ["MIT"]}, API_ADMINISTRATORS),
    ("api-licence-rules", W, "get", None, API_MEMBERS),
    ("api-licence-rules", W, "put", {"denied": ["MIT"]}, {**only_editors(200), "editor": 403}),
    ("api-inventory", W, "get", None, API_MEMBERS),
    ("api-inventory-export", W, "get", None, API_MEMBERS),
    ("api-inventory-bill", W, "get", None, API_MEMBERS),
    ("api-signing-keys", [], "get", None, ANYBODY),
    ("api-storage", [], "get", None, API_STORAGE),
    ("api-storage-builds", [], "get", None, API_STORAGE),
    ("api-storage-workspaces", [], "get", None, API_STORAGE),
    ("api-storage-clean", [], "post", {}, API_NO_MEMBERS | {"administrator": 400}),
]
ALIKE = {"curator": "stranger", "auditor": "viewer", "administrator": "owner"}
PEOPLE = [*ANYBODY, *ALIKE]


def status_for(who, expected):
    """Which status somebody gets by a line of the table."""
    return expected.get(who, expected.get(ALIKE.get(who)))


ROWS = [pytest.param(*row, id=f"{row[2]} {row[0]}") for row in TABLE if row[4]]


def args_of(name, args, build, editor):
    """What stands for a word of the table where a URL needs what was made a moment ago."""
    if args in (L, K, KF, A, P):
        succeed(build)
    workspace = build.workspace
    if args == R:
        run, _ = Run.objects.record(workspace, editor, version=build.version, person="p", started=build.created)
        return [run.pk]
    if args in (Z, G, GD):
        return _of_notices(args, workspace)
    if args in (N, X, XV, D):
        return _of_environment(name, args, build, editor)
    if args in (J, JL, T, PE, PL):
        owner = workspace.memberships.get(role=Role.OWNER).user
        if args == PE:
            return [owner.pk]
        if args == PL:
            return password_links.make(owner).split("/")[-3:-1]
        if args == T:
            return [Token.make(owner, "theirs")[0].pk]
        invitation, text = Invitation.make(workspace, Role.VIEWER, owner)
        return [text] if args == JL else ["team", invitation.pk]
    if args == WK:
        return [Worker.objects.create(name="celery@one", slots=2, heard_at=timezone.now()).pk]
    if args in (PR, WR):
        rule = Rule.objects.create(kind="package-blocked", subject="old", workspace=workspace if args == WR else None)
        return [workspace.name, rule.pk] if args == WR else [rule.pk]
    digest = build.lock and build.lock.digest
    of_lock = [build.pk, "pylock.toml"] if name.endswith("lock-file") else [build.pk]
    of_build = {B: [build.pk], P: [build.pk], L: of_lock, A: [build.pk, "Dockerfile"]}
    of_build |= {K: [digest], KF: [digest, "pylock.toml"]}
    return of_build.get(args, args) if isinstance(args, str) else args


def _of_notices(args, workspace):
    owner = workspace.memberships.get(role=Role.OWNER).user
    if args == Z:
        return [Notice.objects.create(user=owner, kind="curated", subject="s", once_key="k", link="/").pk]
    hook, _ = Hook.make(workspace, HOOK["address"], HOOK["kinds"], owner)
    if args == G:
        return ["team", hook.pk]
    return [
        "team",
        hook.pk,
        Delivery.objects.create(hook=hook, kind="test", link="/", once_key="k", state="given-up").pk,
    ]


def _of_environment(name, args, build, editor):
    environment, version = build.version.environment, build.version
    if args == D:
        return ["team", build.workspace.add_environment("unused", editor).name]
    if args == N:
        environment.register(definition.read(DEFINITION), editor)  # which `latest` points at
        environment.labels.point(environment, "next", version, editor)
        return [*E, "next"]
    lifecycle.archive(environment if args == X else version, editor)
    return E if args == X else V


def answer_of(client, build, wheel, editor, name, args, method, data):
    """Prepare what a line of the table is about, and ask for it."""
    return ask(client, wheel, name, args_of(name, args, build, editor), method, data)


def ask(client, wheel, name, args, method, data):
    url = reverse(name, args=args)
    content_type = (
        {"content_type": "application/json"} if name.startswith("api-") and method in ("post", "put", "patch") else {}
    )
    if data is WHEEL:
        data, content_type = {"file": SimpleUploadedFile(wheel.filename, WHEEL)}, {}
    return getattr(client, method)(url, data, **content_type)


@pytest.mark.parametrize(("name", "args", "method", "data", "expected"), ROWS)
@pytest.mark.usefixtures("stranger", "viewer", "owner", "secret", "advisories", "curated")
def test_who_may_do_what(request, build, wheel, editor, name, args, method, data, expected):
    """All kinds of people, each of whom finds everything as it was before the others came."""
    people = {who: who != "nobody" and request.getfixturevalue(who) for who in PEOPLE if status_for(who, expected)}
    answers = {}
    for who, person in people.items():
        with transaction.atomic():
            client = Client()
            if person:
                client.force_login(person)
            again = Build.objects.get(pk=build.pk)
            answer = answer_of(client, again, wheel, editor, name, args, method, data)
            answers[who] = answer.status_code
            check_what_browsers_are_told(answer)
            if who in ("stranger", "curator") and name != "invitation":
                check_that_nothing_of_the_team_is_told(answer)
            if who == "nobody" and answer.status_code == 302 and name != "sign-out":
                assert answer.headers["Location"].startswith(reverse("sign-in"))
            transaction.set_rollback(True)
    assert answers == {who: status_for(who, expected) for who in people}


EXAMPLES = {"api-schema", "diff", "provenance"}  # pages that name some of these words as an example
TOLD = {"Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Cache-Control"}


def check_what_browsers_are_told(answer):
    assert set(answer.headers) >= TOLD
    assert "public" not in answer.headers["Cache-Control"]
    there = answer.headers.get("Location", "/")
    assert there.startswith("/")
    assert not there.startswith(("//", "/\\"))


def check_that_nothing_of_the_team_is_told(answer):
    """What is in no address that was asked for: an environment, who is in the team, what they said."""
    if answer.resolver_match.url_name in EXAMPLES:
        return
    said = b"".join(answer.streaming_content) if answer.streaming else answer.content
    asked = answer.wsgi_request.get_full_path().encode()
    for word in (b"science", b"edgar", b"olga", b"vera", b"For the paper"):
        assert word not in said.replace(asked, b"") or word in asked


def names_of(patterns):
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield pattern.name
        elif pattern.namespace != "admin":
            yield from names_of(pattern.url_patterns)


def operations_of(patterns):
    """(name, method) of everything that a class of the API answers."""
    for pattern in patterns:
        if not isinstance(pattern, URLPattern):
            yield from operations_of(pattern.url_patterns) if pattern.namespace != "admin" else ()
        elif cls := getattr(pattern.callback, "cls", None):
            methods = ("get", "post", "put", "patch", "delete")
            yield from ((pattern.name, method) for method in methods if hasattr(cls, method))


CHANGING = ("post", "put", "patch", "delete")


@pytest.mark.usefixtures("secret", "advisories", "curated", "owner")
def test_no_form_of_another_site_changes_anything(administrator, build, wheel, editor):
    """Nobody may more than an administrator, so what is refused is refused for the missing token alone."""
    accepted = []
    for name, args, method, data, _ in TABLE:
        if method not in CHANGING or name == "api-nothing":
            continue
        with transaction.atomic():
            browser = Client(enforce_csrf_checks=True)
            browser.force_login(administrator)
            again = Build.objects.get(pk=build.pk)
            answer = answer_of(browser, again, wheel, editor, name, args, method, data)
            if answer.status_code != 403 or b"CSRF" not in answer.content:
                accepted.append((method, name, answer.status_code))
            transaction.set_rollback(True)
    assert accepted == []


def without_token(page):
    return re.sub(rb'name="csrfmiddlewaretoken" value="\w+"', b"", page)


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.usefixtures("owner", "secret", "advisories", "curated", "wheel")
def test_a_stranger_cannot_tell_what_is_there_from_what_is_not(stranger, build, method):
    """Not by the answer, and not by how much the database is asked for it."""
    client, differ = Client(), []
    client.force_login(stranger)
    for name, args, *_ in TABLE:
        if not isinstance(args, list) or args[:1] != ["team"]:
            continue
        there, nowhere = reverse(name, args=args), reverse(name, args=["nowhere", *args[1:]])
        answers = []
        for url in (nowhere, there):  # in this order: what is asked once and kept helps the second
            Tally.objects.all().delete()  # after five of a minute no event is written
            with CaptureQueriesContext(connection) as asked:
                answer = getattr(client, method)(url)
            page = without_token(answer.content).replace(url.encode(), b"")
            answers.append((answer.status_code, len(asked) if answer.status_code == 404 else 0, page))
        if answers[0] != answers[1]:
            differ.append((name, answers[0][:2], answers[1][:2]))
    assert differ == []


def test_the_table_knows_every_operation_of_the_api():
    assert set(operations_of(get_resolver().url_patterns)) <= {(name, method) for name, _, method, *_ in TABLE}


def test_the_table_knows_every_url():
    assert set(names_of(get_resolver().url_patterns)) == {name for name, *_ in TABLE}


@pytest.mark.parametrize("who", ["stranger", "viewer", "editor", "owner", "curator", "auditor"])
def test_the_administration_is_for_staff_alone(request, client, who):
    client.force_login(request.getfixturevalue(who))
    assert client.get(reverse("admin:index")).status_code == 302


def test_an_administrator_sees_every_workspace(client, administrator, build):
    client.force_login(administrator)
    for name in ("admin:index", "home"):
        assert client.get(reverse(name)).status_code == 200
    assert client.get(build.get_absolute_url()).status_code == 200


def test_a_part_of_a_page_is_not_replaced_by_the_sign_in_form(client, workspace):
    answer = client.post(reverse("new-environment", args=W), {"edit": "add-pip"}, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.content) == (401, b"")
