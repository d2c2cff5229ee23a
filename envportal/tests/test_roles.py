"""The table of roles in the documentation says what the rules say, and knows every rule."""

import re

import pytest
from django.conf import settings
from rules.permissions import permissions

TEXT = (settings.BASE_DIR / "docs" / "people.md").read_text()
HEAD = re.search(r"^\| \| rule \|(.+)\|$", TEXT, re.MULTILINE)
ROLES = [word.strip() for word in HEAD[1].split("|")]
ROWS = {
    rule: dict(zip(ROLES, (cell.strip() == "yes" for cell in cells.split("|")), strict=True))
    for rule, cells in re.findall(r"^\| [^|]+ \| `(\w+\.\w+)` \|(.+)\|$", TEXT, re.MULTILINE)
}


def test_the_table_knows_every_rule():
    assert set(ROWS) == set(permissions)


@pytest.mark.parametrize("who", ROLES)
def test_the_table_says_what_the_rules_say(request, workspace, who):
    person = request.getfixturevalue(who)
    assert {rule: person.has_perm(rule, workspace) for rule in ROWS} == {rule: row[who] for rule, row in ROWS.items()}
