"""What uv is told of packages that are built from source: what they need. So it builds none itself while it resolves.

At first it is told that they need nothing. Each version that it then chooses is built (in a room without network, see
`sdists.py`), and uv is asked again with what that one really needs, until it chooses none that is not known.
"""

import json
from dataclasses import replace

CONFIG = "uv.toml"
MOST_ROUNDS = 20  # of resolving: each has built another version of something


class Sources:
    """Of one definition, while it is resolved. `known` are {(name, version): Built}."""

    GAVE_UP = f"After {MOST_ROUNDS} versions of what is built from source none fitted. Pin it exactly."

    def __init__(self, asker):
        self.asker, self.names, self.known = asker, asker.definition.from_source, {}

    def rounds(self):
        """Count the times that uv may be asked; one alone where nothing is built from source."""
        return range(MOST_ROUNDS if self.names else 1)

    def environ(self, environ):
        """The environment for uv, in which it finds what it is told."""
        if not self.names:
            return environ
        return {name: value for name, value in environ.items() if name != "UV_NO_CONFIG"} | {"UV_CONFIG_FILE": CONFIG}

    def tell(self):
        if self.names:
            (self.asker.work / CONFIG).write_text(write(self.names, self.known))

    def learn(self, packages, python, conda):
        """Build what is chosen for the first time. Return whether there was anything."""
        new = [each for each in packages if each.is_source and (each.name, each.version) not in self.known]
        for package in new:
            package = replace(package, url=self.asker.credentials.strip(package.url))
            self.known[package.name, package.version] = self.asker.wheel_of(package, python, conda)
        return bool(new)


def write(names, known):
    """Return the text of uv's settings: of `names` whatever is `known`, and of every other version that it needs nothing."""
    lines = [line for name in names for line in _entry({"name": name, "requires-dist": []})]
    for (name, version), built in known.items():
        facts = {"name": name, "version": version, "requires-dist": list(built.requires)}
        facts |= {"provides-extras": list(built.extras)} | ({"requires-python": built.python} if built.python else {})
        lines += _entry(facts)
    return "".join(f"{line}\n" for line in lines)


def _entry(facts):
    # A string of JSON is one of TOML, but for the one character that JSON leaves as it is.
    written = {name: json.dumps(value).replace("\x7f", "\\u007f") for name, value in facts.items()}
    return ["[[dependency-metadata]]", *(f"{name} = {value}" for name, value in written.items())]
