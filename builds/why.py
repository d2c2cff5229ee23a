"""Why a package is in a lock: the shortest chain from a package that was asked for. Pure."""

from collections import defaultdict


def chains(packages):
    """Return {(manager, name): (direct package, …, the one that needs it)}.

    The chain of a direct package is empty. A package that no chain leads to is not in the answer: its lock does not
    say who needs it.
    """
    needs = defaultdict(list)
    for package in packages:
        for name in package.requested_by:
            needs[name].append(package)
    found = {_key(package): () for package in packages if package.direct}
    wave = sorted((package for package in packages if package.direct), key=_key)
    while wave:
        reached = []
        for package in wave:
            chain = (*found[_key(package)], package.name)
            for needed in needs[package.name]:
                if _key(needed) not in found:
                    found[_key(needed)] = chain
                    reached.append(needed)
        wave = sorted(reached, key=_key)
    return found


def _key(package):
    return package.manager, package.name
