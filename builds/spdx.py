"""Licences as SPDX expressions: what the words of a package mean, and a verdict folded over AND, OR and WITH. Pure.

Sources: SPDX specification 2.3, annex D; the list of licences that `packaging` has; for names of classifiers PEP 639,
by which those are left out that may mean more than one licence, such as “BSD License”.
"""

import re
from functools import lru_cache

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

LICENSE_REF = "LicenseRef-"
# Words, in lower case and without “the”, that can mean one licence alone.
ALIASES = {
    "MIT": ("mit license", "mit licence", "mit license (mit)", "expat license"),
    "MIT-0": ("mit no attribution license (mit-0)",),
    "Apache-2.0": (
        *("apache 2.0", "apache 2", "apache-2", "apache license 2.0", "apache license, version 2.0"),
        *("apache license version 2.0", "apache license v2.0", "apache-2.0 license", "apache software license 2.0"),
    ),
    "BSD-3-Clause": (
        *("bsd 3-clause", "bsd 3-clause license", "bsd-3-clause license", "3-clause bsd", "3-clause bsd license"),
        *("bsd 3 clause", "bsd-3", "new bsd", "new bsd license", "modified bsd", "modified bsd license"),
    ),
    "BSD-2-Clause": (
        *("bsd 2-clause", "bsd 2-clause license", "bsd-2-clause license", "2-clause bsd license"),
        *("simplified bsd", "simplified bsd license"),
    ),
    "ISC": ("isc license", "isc license (iscl)"),
    "MPL-2.0": ("mpl 2.0", "mozilla public license 2.0", "mozilla public license 2.0 (mpl 2.0)"),
    "GPL-2.0-only": ("gnu general public license v2 (gplv2)",),
    "GPL-2.0-or-later": ("gnu general public license v2 or later (gplv2+)",),
    "GPL-3.0-only": ("gnu general public license v3 (gplv3)",),
    "GPL-3.0-or-later": ("gnu general public license v3 or later (gplv3+)",),
    "LGPL-3.0-only": ("gnu lesser general public license v3 (lgplv3)",),
    "LGPL-3.0-or-later": ("gnu lesser general public license v3 or later (lgplv3+)",),
    "AGPL-3.0-only": ("gnu affero general public license v3",),
    "AGPL-3.0-or-later": ("gnu affero general public license v3 or later (agplv3+)",),
    "BSL-1.0": ("boost software license 1.0 (bsl-1.0)",),
    "EPL-1.0": ("eclipse public license 1.0 (epl-1.0)",),
    "EPL-2.0": ("eclipse public license 2.0 (epl-2.0)",),
    "CC0-1.0": ("cc0 1.0 universal (cc0 1.0) public domain dedication",),
    "Unlicense": ("unlicense (unlicense)",),
}
_MEANT = {words: licence for licence, said in ALIASES.items() for words in said}
# Ids that SPDX has replaced: GPL-2.0 is GPL-2.0-only, GPL-2.0+ is GPL-2.0-or-later.
_REPLACED = re.compile(r"(?P<name>(?:A|L)?GPL-[123]\.[01]|GFDL-1\.[123])(?P<later>\+?)")


@lru_cache(4000)
def expression_of(text):
    """Return the expression that the words of a package mean, in its canonical form; None where nobody can be sure."""
    words = " ".join(text.split())
    words = _MEANT.get(words.lower().removeprefix("the "), words)
    try:
        expression = canonicalize_license_expression(words)
    except InvalidLicenseExpression:
        return None
    return " ".join(map(_modern, expression.split(" ")))


def _modern(token):
    match = _REPLACED.fullmatch(token.strip("()"))
    if not match:
        return token
    name = f"{match['name']}-{'or-later' if match['later'] else 'only'}"
    return token.replace(match[0], name)


def fold(expression, of_licence):
    """Return one verdict of a canonical expression.

    `of_licence(licence, exception)` gives that of a part, `exception` being what follows WITH, or empty. Of parts that
    AND joins all bind, so the greatest counts; of those that OR joins one may choose, so the least does.
    """
    tokens = re.findall(r"[()]|[^\s()]+", expression)[::-1]

    def joined(word, choose, part):
        found = part()
        while tokens and tokens[-1] == word:
            tokens.pop()
            found = choose(found, part())
        return found

    def any_of():
        return joined("OR", min, all_of)

    def all_of():
        return joined("AND", max, one)

    def one():
        licence = tokens.pop()
        if licence == "(":
            found = any_of()
            tokens.pop()
            return found
        exception = ""
        if tokens and tokens[-1] == "WITH":
            tokens.pop()
            exception = tokens.pop()
        return of_licence(licence, exception)

    return any_of()
