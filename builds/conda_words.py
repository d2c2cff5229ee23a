"""What the solver of conda says, in words. Pure.

A conflict comes as a tree: a requirement, the packages that would meet it, what each of these requires, and so
on down to where it ends. `sentence_of` makes of it the chain of requirements that leads to each end.
"""

import re

from .failures import Failure

MOST_CHAINS = 4
_BRANCH = re.compile(r"^((?:[│ ] {2})*)(?:[├└]─ )?(.*)$")
_ENDINGS = re.compile(
    r",? (?:which )?(?:can be installed with any of the following options:|"
    r"cannot be installed because there are no viable options:|conflicts with the versions reported above\.?)$"
)
_EXCLUDED = re.compile(r"(.*) is excluded because due to strict channel priority not using this option from: '(.*)'")
_NONE = ", for which no candidates were found."
_VIRTUAL = {
    "__cuda": ("CUDA", "CONDA_OVERRIDE_CUDA"),
    "__glibc": ("glibc", "CONDA_OVERRIDE_GLIBC"),
    "__archspec": ("a processor", "CONDA_OVERRIDE_ARCHSPEC"),
}


def explain(fault, platform):
    """Return (failure, sentence) of what the child process answered about a solve."""
    kind, text = fault["kind"], fault.get("text", "").strip()
    if kind == "spec":
        return Failure.NOT_BUILDABLE, f"Conda's solver cannot read “{fault['spec']}”: {_first_line(text)}."
    if kind == "network" and refused(text):
        return Failure.CREDENTIALS, f"A conda channel wants credentials, or others than it got: {_first_line(text)}."
    if kind == "network":
        return Failure.NETWORK, f"A conda channel could not be read: {_first_line(text)}."
    if kind == "disk":
        return Failure.DISK_FULL, "The disk of the worker is full."
    if kind != "conflict":
        return Failure.OURS, f"Conda's solver failed: {_first_line(text)}"
    if "name" in fault:
        return _not_there(fault, platform)
    return Failure.CONFLICT, sentence_of(text)


def refused(text):
    """Whether a server said that it knows whoever asks not, or not well enough."""
    return bool(re.search(r"\((?:401|403) ", text))


def _first_line(text):
    """The cause that is nearest to the fault, without the machine's own errors around it."""
    lines = [line.removeprefix("Caused by: ").strip() for line in text.split("\n") if line.strip()]
    return ", ".join(dict.fromkeys([lines[0], lines[-1]])).removesuffix(".") if lines else "it did not say why"


def _not_there(fault, platform):
    name, versions = fault["name"], fault["versions"]
    if name in _VIRTUAL:
        return Failure.CONFLICT, _machine(f"{fault['wanted']}")
    if not versions:
        return Failure.PACKAGE_NOT_FOUND, f"No channel has a package named {name} for {platform}."
    wanted = fault["wanted"].removeprefix(name).strip()
    there = ", ".join(versions)
    return Failure.NO_VERSION, f"No build of {name} matches {wanted or 'any version'} on {platform}. There are {there}."


def sentence_of(text):
    """The reason why a set of requirements cannot be met, as the solver's tree has it."""
    lines = text.partition("because of: ")[2] or text
    chains = list(dict.fromkeys(filter(None, (_chain(path) for path in _paths(lines)))))
    if not chains:
        return f"The conda packages do not fit together. {' '.join(lines.split())}"
    told, more = chains[:MOST_CHAINS], len(chains) - MOST_CHAINS
    lead = "This cannot be had: " if len(chains) == 1 else "These do not fit together: "
    return lead + "; ".join(told) + (f"; and {more} more." if more > 0 else ".")


def _paths(text):
    """Yield the texts on the way from each root of the tree to each of its ends."""
    stack, rows = [], []
    for line in text.split("\n"):
        if line.strip():
            marks, said = _BRANCH.match(line).groups()
            is_child = line.lstrip("│ ").startswith(("├", "└"))
            rows.append((len(marks) // 3 + 1 if is_child else 0, said.strip()))
    for i, (depth, said) in enumerate(rows):
        del stack[depth:]
        stack.extend([""] * (depth - len(stack)))
        stack.append(said)
        if i + 1 == len(rows) or rows[i + 1][0] <= depth:
            yield list(stack)


def _chain(path):
    """One way through the tree: “a 1.0 requires b >=2, b 2.1 requires c <3”."""
    steps, package = [], ""
    for said in path:
        if said.endswith(" would require"):
            package = said.removesuffix(" would require")
            continue
        if excluded := _EXCLUDED.fullmatch(said):
            steps.append(
                f"{excluded[1]} is only in {excluded[2]}, and a channel that stands before it has the package, too"
            )
            continue
        wanted = _ENDINGS.sub("", said.removesuffix(_NONE))
        if package:
            steps.append(f"{package} requires {_named(wanted)}{_absent(wanted) if said.endswith(_NONE) else ''}")
            package = ""
        elif said.endswith(_NONE):
            steps.append(f"{_named(wanted)} is asked for{_absent(wanted)}")
    if not steps and len(path) > 1 and "incompatible" in path[0]:
        steps.append(f"{_named(_ENDINGS.sub('', path[1]))} is asked for")
    return ", ".join(steps)


def _named(wanted):
    """A requirement as people write it: `x *` is just x."""
    return wanted.removesuffix(" *")


def _absent(wanted):
    name = wanted.partition(" ")[0]
    return f", {_machine(wanted, alone=False)}" if name in _VIRTUAL else ", which no channel has"


def _machine(wanted, alone=True):
    name, _, constraint = wanted.partition(" ")
    what, variable = _VIRTUAL[name]
    said = f"the environment variable {variable} of the definition says which {what} the machine has"
    return f"{what} {constraint} is asked for of the machine: {said}." if alone else said
