"""Who needs whom among the packages of a lock, and what each that was asked for brings along. Pure.

A package is named by its key, (manager, name). `requested_by` says names alone, so a name that stands with conda and
with pip means both.
"""

from collections import defaultdict, deque
from dataclasses import dataclass

from .lock import Package


def key_of(package):
    return package.manager, package.name


@dataclass(frozen=True)
class Brought:
    """What one package that was asked for leads to, itself included: all of it, and what nothing else leads to.

    The second is what would go if it were not asked for any more. Sizes are bytes to download.
    """

    package: Package
    packages: int
    size: int
    alone: int
    alone_size: int

    @property
    def more(self):
        """How many packages besides itself."""
        return self.packages - 1

    @property
    def shared(self):
        return self.packages - self.alone

    @property
    def shared_size(self):
        return self.size - self.alone_size


class Needs:
    """The graph of a lock. Names that are not in the lock, and packages that need themselves, are left out."""

    def __init__(self, packages):
        self.packages = {key_of(package): package for package in packages}
        self.direct = sorted(key for key, package in self.packages.items() if package.direct)
        keys = defaultdict(list)
        for key in self.packages:
            keys[key[1]].append(key)
        self.needed_by = {
            key: sorted({above for name in package.requested_by for above in keys.get(name, ()) if above != key})
            for key, package in self.packages.items()
        }
        self.needs = {key: [] for key in self.packages}
        for key in sorted(self.packages):
            for above in self.needed_by[key]:
                self.needs[above].append(key)

    def brought(self):
        """Return a Brought for each package that was asked for, the largest first, then by name."""
        leads = self._leads()
        found = {key: [0, 0, 0, 0] for key in self.direct}
        for key, bits in leads.items():
            size, is_alone = self.packages[key].size, bits.bit_count() == 1
            for above in self._with(bits):
                said = found[above]
                said[0] += 1
                said[1] += size
                said[2] += is_alone
                said[3] += size * is_alone
        rows = [Brought(self.packages[key], *said) for key, said in found.items()]
        return sorted(rows, key=lambda row: (-row.size, -row.packages, key_of(row.package)))

    def unexplained(self):
        """Keys that nothing that was asked for leads to: the lock does not say who needs them."""
        return sorted(self.packages.keys() - self._leads().keys())

    def below(self, key):
        """Keys of all that a package needs, and that these need; not itself."""
        found, waiting = {key}, [key]
        while waiting:
            more = set(self.needs[waiting.pop()]) - found
            found |= more
            waiting += more
        return found - {key}

    def chains_to(self, target):
        """The shortest chain of keys from each package that was asked for to the target, the shortest chain first.

        They are taken from one tree, so two chains that meet go on together.
        """
        onward = self._onward_to(target)
        found = [self._chain(key, onward) for key in self.direct if key in onward]
        return sorted(found, key=lambda chain: (len(chain), chain))

    def _onward_to(self, target):
        """{key: the next one on the shortest way to the target}"""
        onward, wave = {target: None}, [target]
        while wave:
            reached = []
            for key in wave:
                new = [above for above in self.needed_by[key] if above not in onward]
                onward |= dict.fromkeys(new, key)
                reached += new
            wave = sorted(reached)
        return onward

    @staticmethod
    def _chain(key, onward):
        chain = []
        while key:
            chain.append(key)
            key = onward[key]
        return tuple(chain)

    def _leads(self):
        """{key: a number with one bit for each package that was asked for and leads to it}"""
        bits = {key: 1 << place for place, key in enumerate(self.direct)}
        waiting = deque(self.direct)
        while waiting:
            key = waiting.popleft()
            for needed in self.needs[key]:
                before = bits.get(needed, 0)
                if before | bits[key] != before:
                    bits[needed] = before | bits[key]
                    waiting.append(needed)
        return bits

    def _with(self, bits):
        while bits:
            lowest = bits & -bits
            yield self.direct[lowest.bit_length() - 1]
            bits ^= lowest
