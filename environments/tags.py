"""Tags of an environment: words that a person gives it to be found by, each with a value. Pure."""

from .faults import UserFault
from .texts import can_be_kept, shorten

MOST = 50
LONGEST_KEY, LONGEST_VALUE = 100, 500


def read(text):
    """Return {key: value} of lines `key=value` or `key`. Raise UserFault that names the first line with a mistake."""
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        key, _, value = (part.strip() for part in line.partition("="))
        if not (key or value):
            continue
        if key in found:
            raise UserFault(f"Line {number}: {shorten(key, 40)} stands there twice.", "tags")
        if reason := _why_not(key, value):
            raise UserFault(f"Line {number}: {reason}", "tags")
        found[key] = value
    return _few(found)


def check(tags):
    """Return the tags as they are kept. Raise UserFault unless it is a mapping of text to text that can be."""
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise UserFault("Tags are an object whose values are text.", "tags")
    for key, value in tags.items():
        if reason := _why_not(key, value):
            raise UserFault(f"The tag “{shorten(key, 40)}”: {reason}", "tags")
    return _few(tags)


def as_texts(tags):
    """Each tag as `key=value` or `key`, by key."""
    return [f"{key}={value}" if value else key for key, value in sorted(tags.items())]


def write(tags):
    """The lines that `read` reads."""
    return "\n".join(as_texts(tags))


def _why_not(key, value):
    if not key:
        return "A tag needs a key before the =."
    if not (can_be_kept(key) and can_be_kept(value)) or any(not c.isprintable() for c in key + value):
        return "This holds characters that are not text of one line."
    if "=" in key or key != key.strip() or value != value.strip():
        return "A key holds no =, and neither key nor value begins or ends with a space."
    if len(key) > LONGEST_KEY:
        return f"A key has at most {LONGEST_KEY} characters; this one has {len(key)}."
    if len(value) > LONGEST_VALUE:
        return f"A value has at most {LONGEST_VALUE} characters; this one has {len(value)}."
    return ""


def _few(tags):
    if len(tags) > MOST:
        raise UserFault(f"An environment has at most {MOST} tags; these are {len(tags)}.", "tags")
    return tags
