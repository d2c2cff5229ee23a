"""The secrets of one build: filled into addresses where a tool is called, taken out of whatever it answers.

A tool finds them in its environment alone, as ENVPORTAL_SECRET_NAME, quoted for addresses. uv fills in what its
requirements name so, `conda_child.py` does the same. A lock has addresses without user and password; what was filled
into their path or query stands there as `${NAME}`.
"""

import base64
import json
from dataclasses import dataclass, field
from itertools import takewhile
from urllib.parse import quote, quote_plus, urlsplit, urlunsplit

from environments.addresses import SECRET, secrets_in
from environments.faults import UserFault

PREFIX = "ENVPORTAL_SECRET_"  # so that no name means anything to a tool


class Unavailable(Exception):
    """A secret cannot be had. The argument is the sentence that says why."""


def of(build):
    """Return the Credentials of a build, in which no secret is that its definition does not name. Raise Unavailable."""
    wanted, workspace = build.version.definition, build.workspace
    if not wanted.secrets:
        return Credentials()
    there = workspace.secrets.open(wanted.secrets)
    if missing := [name for name in wanted.secrets if name not in there]:
        told = f"{workspace} has no secret {' and no secret '.join(missing)}, which the definition names"
        raise Unavailable(f"{told}. Its owners set it under Secrets.")
    addresses = tuple(address for _, address in wanted.addresses)
    for address in addresses:
        host = urlsplit(address).hostname or ""
        for name in secrets_in(address):
            if not there[name].may_go_to(host):
                told = f"The secret {name} of {workspace} may not be sent to {host}, where the definition names it"
                raise Unavailable(f"{told}. It goes to {', '.join(there[name].hosts)} alone.")
    try:
        return Credentials(addresses, {name: secret.value for name, secret in there.items()})
    except UserFault as fault:
        raise Unavailable(fault.message) from None


@dataclass(frozen=True)
class Credentials:
    """`addresses` are those that a definition names, as it names them; `values` {name of a secret: its value}."""

    addresses: tuple = ()
    values: dict = field(default_factory=dict, repr=False)

    def __bool__(self):
        return bool(self.values)

    @property
    def environ(self):
        """What a tool gets beside its other variables."""
        return {f"{PREFIX}{name}": quote(value, safe="") for name, value in self.values.items()}

    def for_uv(self, address):
        """The address with the variables of `environ`, which uv fills in."""
        return SECRET.sub(lambda match: f"${{{PREFIX}{match[1]}}}", address)

    def fill(self, address):
        """The address as it is fetched."""
        return SECRET.sub(lambda match: quote(self.values[match[1]], safe=""), address) if self else address

    def strip(self, address):
        """What a lock says of an address that a tool named."""
        if not self or "://" not in address:
            return address
        parts = urlsplit(address)
        path, query = self._unfill(parts.path), self._unfill(parts.query)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], path=path, query=query))

    def _unfill(self, text):
        named = {name for address in self.addresses for name in secrets_in(_behind_host(address))}
        for name in sorted(named, key=lambda name: -len(self.values[name])):
            text = text.replace(quote(self.values[name], safe=""), f"${{{name}}}")
        return text

    def restore(self, address):
        """The address of a lock with user and password again, as the definition names them.

        They are those of the address on the same server that has the most of its path in common.
        """
        parts = urlsplit(address)
        if not parts.netloc or "@" in parts.netloc:
            return address
        near = [each for each in map(urlsplit, self.addresses) if _is_near(each, parts)]
        if not near:
            return address
        nearest = max(near, key=lambda each: _in_common(each.path, parts.path))
        return urlunsplit(parts._replace(netloc=f"{nearest.netloc.rpartition('@')[0]}@{parts.netloc}"))

    def words(self):
        """The words of a Redactor, however a tool may write a secret."""
        words = {PREFIX: ""} if self else {}
        for value in self.values.values():
            spelled = (value, quote(value), quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1])
            words |= dict.fromkeys((*spelled, base64.b64encode(value.encode()).decode()), "…")
        for address in self.addresses:
            if user := urlsplit(address).netloc.rpartition("@")[0]:
                name, _, password = (
                    SECRET.sub(lambda match: self.values[match[1]], part) for part in user.partition(":")
                )
                # As in the header Authorization.
                words[base64.b64encode(f"{name}:{password}".encode()).decode()] = "…"
        return words


def _behind_host(address):
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"


def _is_near(named, parts):
    """Whether an address names a user, on the same server."""
    return "@" in named.netloc and (named.scheme, named.netloc.rpartition("@")[2]) == (parts.scheme, parts.netloc)


def _in_common(path, other):
    """How many parts two paths begin with together."""
    pairs = zip(path.split("/"), other.split("/"), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
