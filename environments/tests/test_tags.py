"""Tags as lines, and as a mapping."""

import pytest

from environments import tags
from environments.faults import UserFault


def test_lines_become_tags_and_lines_again():
    read = tags.read("team=risk\n\n  stage = prod \nreviewed\nurl=a=b\n")
    assert read == {"team": "risk", "stage": "prod", "reviewed": "", "url": "a=b"}
    assert tags.write(read) == "reviewed\nstage=prod\nteam=risk\nurl=a=b"
    assert tags.read(tags.write(read)) == read


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a=1\na=2", "Line 2: a stands there twice"),
        ("a=1\n=2", "Line 2: A tag needs a key"),
        ("k" * 101, "Line 1: A key has at most 100"),
        ("k=" + "v" * 501, "Line 1: A value has at most 500"),
        ("k=\0", "Line 1: This holds characters"),
        ("\n".join(f"k{n}" for n in range(51)), "at most 50 tags; these are 51"),
    ],
)
def test_a_mistake_names_its_line(text, says):
    with pytest.raises(UserFault, match=says) as raised:
        tags.read(text)
    assert raised.value.field == "tags"


@pytest.mark.parametrize("given", [["a"], {"a": 1}, {"": "x"}, {"a=b": "x"}, {" a": "x"}, {"a": "x\ny"}, {"a": "x "}])
def test_a_mapping_that_no_lines_could_say_is_refused(given):
    with pytest.raises(UserFault):
        tags.check(given)
