"""What tools print when they fail, as a table.

In this order, because a log may show several: the first row that is found anywhere is the cause. In its sentence `{1}`
is what the pattern caught first, `{cause}` what the resolver says, in one paragraph, `{line}` the line that shows it
and `{next}` the one after. Patterns are looked for in text whose lines are short; each takes time in proportion to it,
so every repetition has an end, and no two stand side by side that may match the same.
"""

from .failures import Failure

_NAME = r"[\w.\-\[\]]{1,120}"
_TOOL = r"^[^\s:]{1,60}: "  # a shell names itself: `bash: line 1: …`, `sh: 1: …`
_ASKED = "A tool asked for a name or a password, and nobody can answer while a build runs."
_COMPILERS = r"(?:gcc|cc|g\+\+|c\+\+|clang|clang\+\+|gfortran|nvcc|rustc|cargo|cmake|ninja|make)"

SIGNS = [
    (
        Failure.DISK_FULL,
        r"No space left on device|os error 28\b|Disk quota exceeded",
        "The disk of the worker is full.",
    ),
    (
        Failure.OUT_OF_MEMORY,
        r"memory allocation of \d{1,20} bytes failed|\bMemoryError\b|Cannot allocate memory|memory exhausted|std::bad_alloc|"
        r"[Kk]illed signal terminated program|^Killed$|" + _TOOL + r"line \d{1,9}: {1,9}\d{1,9} Killed\b",
        "The step needed more memory than the {memory} MB that a build may have.",
    ),
    (
        Failure.HASH_MISMATCH,
        r"Hash mismatch for `([^`\n]{1,200})`",
        "{1} is not the file that was locked: its hash is another.",
    ),
    (
        Failure.HASH_MISMATCH,
        r"THESE PACKAGES DO NOT MATCH THE HASHES",
        "A package is not the file that was asked for: its hash is another.",
    ),
    # What import_check.py says. It prints whatever the package does, so these come before what other tools say.
    (
        Failure.MODULE,
        rf"^({_NAME}) cannot be imported: ModuleNotFoundError: No module named '([^'\n]{{1,200}})'",
        "{1} needs the Python module {2}, which is not installed.",
    ),
    (Failure.IMPORT, rf"^({_NAME} cannot be imported: .*)$", "{1}"),
    # What sdist_build.py says, where that alone tells the cause. A compiler says more, so the rest comes after it.
    (
        Failure.MODULE,
        rf"^({_NAME} [\w.+!-]{{1,80}}) cannot be built: (?:ModuleNotFoundError|ImportError): No module named '([^'\n]{{1,200}})'",
        "{1} cannot be built: that needs the Python module {2}, which it does not name among what builds it.",
    ),
    (
        Failure.COMMAND,
        rf"^{_NAME} [\w.+!-]{{1,80}} cannot be built: SystemExit: error: \[Errno 2\] No such file or directory: '([^/'\n]{{1,100}})'",
        "The command {1} is not there.",
    ),
    (
        Failure.SOURCE,
        rf"^({_NAME} [\w.+!-]{{1,80}}) cannot be built: (.*(?:Network is unreachable|[Nn]ame resolution|Name or service not known|"
        r"Connection refused|[Nn]o address associated).*)$",
        "{1} cannot be built: its code wanted the network, which no build has. {2}",
    ),
    (
        Failure.SOURCE,
        rf"^({_NAME} [\w.+!-]{{1,80}}) cannot be built: (.*(?:Read-only file system|Permission denied|Operation not permitted).*)$",
        "{1} cannot be built: its code wanted to do what is held back in the sandbox. {2}",
    ),
    (
        Failure.SOURCE,
        rf"^({_NAME} [\w.+!-]{{1,80}}) cannot be built: (.*Resource temporarily unavailable.*)$",
        "{1} cannot be built: its code wanted more processes than a build may have. {2}",
    ),
    # Images
    (
        Failure.REGISTRY,
        r"error pinging v2 registry|pinging container registry|failed to do request: (?:Head|Get) \S{1,300}/v2/",
        "The registry of the base image could not be reached.",
    ),
    (
        Failure.BASE_IMAGE,
        r"pull access denied for ([^\s,]{1,300})|no such manifest: (\S{1,300})|manifest for (\S{1,300}) not found|"
        r"ERROR: ([^\s]{1,300}): not found$|failed to resolve source metadata for (\S{1,300}): ",
        "The base image {1} cannot be pulled.",
    ),
    (Failure.BASE_IMAGE, r"manifest unknown", "The base image cannot be pulled: its registry has none of this name."),
    # Before what follows from it
    (
        Failure.LOGIN,
        r"could not read (?:Username|Password) for|terminal prompts disabled|^User for [^\s:]{1,200}(?::\d{1,5})?: |"
        r"_prompt_for_password|EOFError: EOF when reading a line|use a web browser to open the page|"
        r"Cannot perform an interactive login|Enter passphrase for",
        _ASKED,
    ),
    (
        Failure.REDIRECTION,
        r": cannot (?:create|open) (=?\d[^\s:]{0,60}): |"
        + _TOOL
        + r"line \d{1,9}: (=?\d[^\s:]{0,60}): (?:No such file|Permission denied|Read-only|Is a directory)",
        "The shell took the > or < of a version for a redirection, and {1} for the name of a file.",
    ),
    (
        Failure.COMMAND,
        r"Cannot find command '([^'\n]{1,100})'|error: command '([^'\n]{1,200})' failed: No such file or directory|"
        + (_TOOL + r"line \d{1,9}: ([^\s:]{1,100}): command not found|")
        + (_TOOL + r"\d{1,9}: ([^\s:]{1,100}): not found$|")
        + r"^(/[^\s:]{1,300}): No such file or directory$|(Git) executable not found",
        "The command {1} is not there.",
    ),
    (
        Failure.DISTUTILS,
        rf"Cannot uninstall '?({_NAME})|Unable to uninstall `([^`\n]{{1,200}})`\. distutils",
        "{1} was installed by distutils or by the system, so it cannot be replaced.",
    ),
    (
        Failure.COMPILE,
        r"^[ ]{0,40}[^\s:]{1,300}:\d{1,9}:(?:\d{1,9}:)? (?:fatal )?error: .{1,300}",
        "A package could not be compiled: {line}",
    ),
    (
        Failure.COMPILE,
        rf"error: command '[^'\n]{{0,200}}{_COMPILERS}[^'\n/]{{0,20}}' failed with exit|error: could not compile `|"
        r"^CMake Error|ERROR: Failed building wheel for ",
        "A package could not be compiled: {line}",
    ),
    (Failure.SOURCE, rf"^(?:error: )?({_NAME} [\w.+!-]{{1,80}} cannot be built: .*)$", "{1}"),
    (Failure.BAD_SPEC, r"Couldn't parse requirement in ", "A requirement cannot be read: {next}"),
    (Failure.BAD_SPEC, r"Invalid requirement: '([^'\n]{1,300})'", "The requirement {1} cannot be read."),
    (Failure.BAD_SPEC, r"InvalidMatchSpecError: (.{1,300})", "A conda requirement cannot be read: {1}"),
    # Resolvers
    (
        Failure.PYTHON_VERSION,
        r"[Bb]ecause the requested Python version \([^)\n]{1,60}\) does not satisfy Python\S{1,60} and "
        rf"({_NAME})(?:[=<>!~]\S{{0,200}})? depends on",
        "{1} is not for this Python. {cause}",
    ),
    (
        Failure.PYTHON_VERSION,
        r"Package '([^'\n]{1,200})' requires a different Python: ",
        "{1} is not for this Python: {line}",
    ),
    (
        Failure.PYTHON_VERSION,
        r"Ignored the following versions that require a different python version: .{0,4000}?"
        r"\b(\d[\w.]{0,60}) Requires-Python [^\n]{0,4000}\n[^\n]{0,40}"
        rf"Could not find a version that satisfies the requirement ({_NAME})==\1 ",
        "{2} {1} is not for this Python.",
    ),
    (
        Failure.NETWORK,
        r"Retrying \(Retry\(total=0, .{0,200}\)\) after connection broken by",
        "The package index could not be reached.",
    ),
    (
        Failure.CREDENTIALS,
        r"An index(?: URL)? \(([^)\s]{1,1000})\) (?:could not be queried due to a lack of valid authentication "
        r"credentials|returned a) \(?(40[13] [A-Z]\w{1,20})",
        "The index {1} answered {2}: it wants credentials, or others than it got.",
    ),
    (
        Failure.PACKAGE_NOT_FOUND,
        rf"[Bb]ecause ({_NAME}) was not found in the package registry",
        "The index has no package named {1}.",
    ),
    (
        Failure.PACKAGE_NOT_FOUND,
        rf"Could not find a version that satisfies the requirement ({_NAME})[^\s(]{{0,200}} \(from versions: none\)",
        "The index has no package named {1}, or no file of it for this platform and Python.",
    ),
    (
        Failure.PYTHON_MISSING,
        r"No candidates were found for python ([^\n]{1,100})\.$",
        "The channels have no Python {1}.",
    ),
    (
        Failure.PACKAGE_NOT_FOUND,
        rf"No candidates were found for ({_NAME}) \*\.",
        "The channels have no package named {1}.",
    ),
    (
        Failure.NO_WHEEL,
        rf"(?:[Bb]ecause|and) (?:all versions of )?({_NAME})(?:[=<>!~]\S{{0,200}})? (?:has|have) no "
        r"(?:wheels with a matching|usable wheels)",
        "{1} has no wheel for this platform and Python. {cause}",
    ),
    (
        Failure.NO_SOURCE,
        rf"(?:[Bb]ecause|and) (?:all versions of )?({_NAME})(?:[=<>!~]\S{{0,200}})? (?:has|have) no source distribution",
        "{1} has no source distribution. {cause}",
    ),
    (
        Failure.NO_VERSION,
        # That only one is there and wants what another forbids is a conflict.
        rf"[Bb]ecause (?:there is no version of ({_NAME})[=<>!~]|"
        rf"only ({_NAME})[=<>!~]\S{{1,200}} is available(?! and \2[=<>!~]\S{{1,200}} depends on)|"
        rf"only the following versions of ({_NAME}) are available)",
        "No version of {1} matches. {cause}",
    ),
    (
        Failure.NO_VERSION,
        rf"Could not find a version that satisfies the requirement ({_NAME})[^\s(]{{0,200}} \(from versions: \d",
        "No version of {1} matches.",
    ),
    (Failure.NO_VERSION, rf"No candidates were found for ({_NAME}) ", "No version of {1} matches. {line}"),
    (Failure.CONFLICT, r"^[ ]{0,9}cause: Because ", "The requirements do not fit together. {cause}"),
    (Failure.CONFLICT, r"No solution found when resolving", "The requirements do not fit together. {cause}"),
    (
        Failure.CONFLICT,
        r"Cannot install .{1,1000} because these package versions have conflicting dependencies|ResolutionImpossible|"
        r"Cannot solve the request because of: ",
        "The requirements do not fit together.",
    ),
    # The way to an index
    (
        Failure.WHEEL,
        r"HTTP status client error \((40[134])[^)\n]{0,60}\) for url \([^)\s]{0,2000}/([^)\s/]{1,300}\.whl)|"
        r"HTTP error (40[134]) while getting \S{0,2000}/([^\s/]{1,300}\.whl)",
        "{2} cannot be fetched: the server answered {1}.",
    ),
    (
        Failure.CREDENTIALS,
        r"HTTP status client error \((40[13] [A-Z][^)\n]{1,60})\) for url \(([^)\s]{1,2000})\)",
        "{2} answered {1}: it wants credentials, or others than it got.",
    ),
    (
        Failure.NETWORK,
        r"end of file before message length reached|error decoding response body|IncompleteRead|ChunkedEncodingError",
        "The connection broke off in the middle of a download.",
    ),
    (
        Failure.NETWORK,
        r"GatewayError: ",
        "The conda channel could not be reached.",
    ),
    (
        Failure.NETWORK,
        r"HTTP status (?:client|server) error \((\d{3}[^)\n]{0,60})\)",
        "The package index did not give what was asked for: it answered {1}.",
    ),
    (
        Failure.NETWORK,
        r"error sending request|error reading a body from connection|dns error|Failed to fetch|[Cc]onnection (?:refused|reset)|operation timed out|"
        r"Network is unreachable|Temporary failure in name resolution|Request failed after",
        "The package index could not be reached.",
    ),
    # Of whatever runs Python code on the way
    (
        Failure.MODULE,
        r"ModuleNotFoundError: No module named '([^'\n]{1,200})'",
        "The Python module {1} is not installed, and something needs it.",
    ),
    (Failure.INCOMPATIBLE, r"Found \d{1,9} incompatibilit", "Installed packages do not fit together: {next}"),
]
