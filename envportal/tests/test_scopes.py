"""Every operation of the API with tokens that do not reach so far as their owner does."""

import pytest
from django.utils import timezone

from environments.models import Role, Token, Workspace
from envportal.tests.test_access import TABLE, answer_of

# Where the table lets nobody in who is unknown: what is open to everybody looks at no token.
ROWS = [row for row in TABLE if (row[0].startswith("api-") or row[0] == "wheel-file") and row[4]["nobody"] == 401]
NAMED = {
    f"{method} {name} {n}": (name, args, method, data, row) for n, (name, args, method, data, row) in enumerate(ROWS)
}
# Said here once more, so that a change of the one table of scopes shows.
BUILDS = {
    "api-version-builds", "api-build-cancel", "api-build-rebuild", "api-build-archive", "api-refresh",
    "api-version-locks",
}  # fmt: skip
READS = {"api-resolve", "api-import", "api-environment-diff"}
ALL_ROWS = pytest.mark.parametrize(("name", "args", "method", "data", "expected"), NAMED.values(), ids=NAMED)


def needed(name, method):
    if method == "get" or name in READS:
        return "read"
    return "build" if name in BUILDS else "write"


@pytest.fixture
def ask(client, build, wheel, editor, owner, secret, advisories, curated):
    """Ask for a line of the table with a token of the owner, or after its end."""

    def ask(row, is_over=False, **fields):
        name, args, method, data = row
        client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {Token.issue(owner, 'narrow', **fields)}"
        if is_over:
            Token.objects.update(expires=timezone.now())
        return answer_of(client, build, wheel, editor, name, args, method, data)

    return ask


@pytest.mark.parametrize("scope", ["read", "write", "build"])
@ALL_ROWS
def test_a_scope_opens_its_operations_alone(ask, scope, name, args, method, data, expected):
    status = ask((name, args, method, data), scopes=[scope]).status_code
    makes_tokens = (name, method) == ("api-tokens", "post")  # no token does
    if scope == needed(name, method) and not makes_tokens:
        assert status == expected["owner"]
    else:
        assert status == 403


@ALL_ROWS
def test_a_token_that_ended_opens_nothing(ask, name, args, method, data, expected):
    assert ask((name, args, method, data), is_over=True).status_code == 401


@ALL_ROWS
def test_a_token_of_another_workspace_finds_nothing_here(ask, owner, name, args, method, data, expected):
    elsewhere = Workspace.objects.create(name="other")
    elsewhere.memberships.create(user=owner, role=Role.OWNER)
    answer = ask((name, args, method, data), workspace=elsewhere)
    is_of_workspace = isinstance(args, str) or args[:1] == ["team"] or "from" in (data or ())
    if name.startswith(("api-token", "api-session", "api-invitation-accept", "api-notice")) or (
        expected["owner"] == 403 and (args[:1] != ["team"] or name == "api-quota")
    ):
        assert answer.status_code == 403
    elif is_of_workspace:
        assert answer.status_code == 404
    else:
        assert answer.status_code == expected["owner"]
        assert b"team" not in answer.getvalue()
