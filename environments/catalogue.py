"""Every finding there is: its code, how grave it is, what it says, and what its button says.

An error stops a version from being registered; warnings and hints are kept with it. The sentences name what
they are about in braces. A finding whose fix is known carries it, and the last column is the button's title.
"""

from dataclasses import dataclass

from .findings import ERROR, HINT, WARNING, Finding, Fix


@dataclass(frozen=True)
class Kind:
    severity: str
    sentence: str
    fix: str = ""


CATALOGUE = {
    # The name of an environment
    "name-missing": Kind(ERROR, "An environment needs a name."),
    "name-too-long": Kind(ERROR, "A name has at most {longest} characters; this one has {length}."),
    "name-characters": Kind(ERROR, "{reason}"),
    "name-reserved": Kind(ERROR, "Names that begin with {prefix} are reserved for curated environments."),
    "name-not-curated": Kind(ERROR, "The name of a curated environment begins with {prefixes}."),
    "name-unusable": Kind(WARNING, "The environment cannot be called “{name}”: {reason}"),
    # The text
    "file-empty": Kind(ERROR, "The file is empty."),
    "file-unknown": Kind(ERROR, "This is no file that can be read here: {reason}."),
    "file-missing": Kind(ERROR, "There is no {name} in the folder."),
    "text-too-long": Kind(ERROR, "The text has {length:,} bytes; {longest:,} are read."),
    "text-too-many-lines": Kind(ERROR, "The text has {length:,} lines; {longest:,} are read."),
    "text-encoding": Kind(ERROR, "This line is neither UTF-8 nor UTF-16: {reason}. Save the file as UTF-8."),
    "text-character": Kind(ERROR, "The character {character} may not stand in a text file."),
    "json-invalid": Kind(ERROR, "This is no JSON: {reason}."),
    "toml-invalid": Kind(ERROR, "This is no TOML: {reason}."),
    "yaml-invalid": Kind(ERROR, "This is no YAML: {reason}.", "Write {instead}"),
    "yaml-tab": Kind(ERROR, "A tab stands where YAML wants spaces.", "Write spaces"),
    "yaml-tag": Kind(ERROR, "The tag {tag} is not accepted: a definition is text, lists and mappings, and makes no objects. A text that begins with ! needs quotation marks."),
    "yaml-documents": Kind(ERROR, "A second document begins here. A file holds one definition."),
    "yaml-too-many": Kind(ERROR, "The file holds more than {longest:,} values, counting what aliases repeat."),
    "yaml-alias": Kind(ERROR, "{reason}"),
    "key-twice": Kind(ERROR, "The key {key} stands on line {first} already, and only one of them would count."),
    "too-deep": Kind(ERROR, "A definition is nested at most {deepest} deep."),
    "template-value": Kind(ERROR, "“{text}” is a value to be filled in by a template. Write what it stands for."),
    # The shape of the document
    "not-an-object": Kind(ERROR, "must be an object."),
    "not-a-definition": Kind(ERROR, "A definition is an object with a python or a docker section."),
    "not-a-list": Kind(ERROR, "must be a list.", "Make it a list"),
    "not-text": Kind(ERROR, "must be text without NUL and half characters."),
    "not-finite": Kind(ERROR, "must be a finite number."),
    "wrong-type": Kind(ERROR, "must be {kind}."),
    "too-long": Kind(ERROR, "A definition has at most {longest:,} bytes as JSON."),
    "too-many-dependencies": Kind(ERROR, "There are {length:,} dependencies; a definition has at most {longest:,}."),
    "too-many-fields": Kind(ERROR, "There are {length:,} fields here; an object has at most {longest:,}."),
    "key-misspelt": Kind(ERROR, "There is no key {key}; {wanted} is probably meant.", "Rename to {wanted}"),
    "key-ignored": Kind(HINT, "{key} says nothing here; it is kept as it is."),
    "key-unknown": Kind(WARNING, "{key} is no key of {section}; it is kept and has no effect."),
    "prefix-ignored": Kind(HINT, "prefix names a folder of the machine that wrote this file; it has no effect.", "Remove it"),
    # Docker
    "docker-base-twice": Kind(ERROR, "Only one of {given} can be the base."),
    "docker-base-missing": Kind(HINT, "Neither base image, Dockerfile nor build context is given; the portal's own base is taken."),
    "dockerfile-too-long": Kind(ERROR, "A Dockerfile has at most {longest:,} bytes; this one has {length:,}."),
    "dockerfile-invalid": Kind(ERROR, "{reason}"),
    "dockerfile-unknown": Kind(WARNING, "Docker knows no instruction {word}.{hint}"),
    "dockerfile-files": Kind(WARNING, "{word} takes files of a build context, and a Dockerfile alone has none."),
    "dockerfile-secret": Kind(WARNING, "{name} looks like a secret; everybody who has the image can read it."),
    "context-excludes": Kind(ERROR, "A build context brings everything with it, so {given} cannot be set beside it."),
    "context-incomplete": Kind(ERROR, "A build context needs a location."),
    "context-dockerfile": Kind(ERROR, "The path of the Dockerfile inside the build context is missing.", "Use Dockerfile"),
    "docker-attribute-unknown": Kind(WARNING, "docker has no attribute {key}.{hint}", "Remove it"),
    "docker-attribute-deprecated": Kind(WARNING, "{key} is deprecated and has no effect: it belongs to the run, not to the environment.", "Remove it"),
    "registry-incomplete": Kind(ERROR, "The registry has a {given} and no {missing}."),
    "registry-credentials-twice": Kind(ERROR, "The registry has more than one kind of credential: {given}."),
    "secret": Kind(ERROR, "A secret stands in the definition, where everybody who sees the environment can read it.", "Remove it"),
    # Base image
    "image-invalid": Kind(ERROR, "“{image}” is no name of an image. Write registry/name:tag or registry/name@sha256:…"),
    "image-untagged": Kind(WARNING, "{image} has neither tag nor digest, so it may be another image tomorrow."),
    "image-latest": Kind(WARNING, "{image} is whatever is newest on the day of the build. Name a version or a digest."),
    "image-deprecated": Kind(WARNING, "{image} is deprecated.{message}", "Use {replacement}"),
    "image-blocked": Kind(ERROR, "The base image {image} is blocked here.{message}", "Use {replacement}"),
    # Variables
    "variable-not-text": Kind(ERROR, "must be text.", "Write it as text"),
    "variable-name": Kind(ERROR, "“{name}” cannot be the name of a variable."),
    "variable-reserved": Kind(WARNING, "{name} is set by every run itself; what stands here is overwritten.", "Remove it"),
    "variable-secret": Kind(WARNING, "{name} looks like a secret; everybody who sees the environment can read it."),
    # Python
    "python-missing": Kind(ERROR, "The python section is missing."),
    "python-unstated": Kind(WARNING, "No version of Python is asked for; the portal's own is taken.", "Add python={version}"),
    "python-absent": Kind(WARNING, "Python {version} is not on this portal, so a build fails. There are {there}."),
    "python-twice": Kind(ERROR, "Python is asked for in several versions: {versions}.", "Remove this one"),
    "python-invalid": Kind(ERROR, "“{constraint}” is no version of {name}. Write 3.11, =3.11.7 or >=3.10,<3.13."),
    "python-ended": Kind(WARNING, "Python {version} has had no security fixes since {date}."),
    "python-ends": Kind(WARNING, "Python {version} gets security fixes until {date} only."),
    # Conda
    "no-dependencies": Kind(WARNING, "No package is asked for."),
    "no-channels": Kind(WARNING, "No channel is named, so conda packages come from the default channels of this portal.", "Add conda-forge"),
    "channel-invalid": Kind(ERROR, "A channel must be given by its name or its address."),
    "channel-file": Kind(ERROR, "{channel} is no channel that can be reached: it needs a name, or an address that begins with https://.", "Remove it"),
    "channel-not-allowed": Kind(ERROR, "The channel {channel} is not allowed here. Allowed: {allowed}."),
    "channel-licence": Kind(WARNING, "{channel} is under terms that ask larger organisations for a paid licence.", "Use conda-forge"),
    "channel-twice": Kind(HINT, "{channel} stands on the list already; only its first place counts.", "Remove this one"),
    "conda-invalid": Kind(ERROR, "“{text}” cannot be read as a conda package{reason}. Write name, name=1.2 or name>=1.2,<2.", "Write {instead}"),
    "conda-pip-only": Kind(ERROR, "“{text}” is for pip, not for conda. It belongs below “- pip:”.", "Move to pip"),
    "conda-selector": Kind(WARNING, "Conda ignores the selector [{selector}]: this line counts on every platform.", "Remove this line"),
    "conda-mapping": Kind(ERROR, "A dependency is text, and this is a mapping.", "Write {instead}"),
    "conda-elsewhere": Kind(ERROR, "A dependency is text, and {selector}: means another platform than the one that builds here.", "Remove it"),
    "dependency-invalid": Kind(ERROR, "A dependency must be text, or a list below pip:.", "Remove it"),
    "unpinned": Kind(WARNING, "{name} has no exact version. The first build decides, and its lock keeps it.", "Pin to {instead}"),
    "twice": Kind(WARNING, "{name} stands more than once among the {manager} packages.", "Remove this one"),
    "both": Kind(WARNING, "{name} is asked for from conda and from pip; the one from pip overwrites the other.", "Remove this one"),
    "base-conda": Kind(WARNING, "The environment is built on the conda environment {name} of its base image, whose packages no lock can name."),
    # pip
    "pip-not-listed": Kind(HINT, "There are pip packages, and pip is not among the conda packages.", "Add pip"),
    "pip-unpinned": Kind(HINT, "pip has no version, so another pip may install this tomorrow."),
    "pip-twice": Kind(WARNING, "There is a list below pip: already. Conda would keep only the last one; here both count."),
    "pip-invalid": Kind(ERROR, "“{text}” cannot be read as a package: {reason}.", "Write {instead}"),
    "pip-option": Kind(ERROR, "The option {option} is not accepted: {reason}", "Remove this line"),
    "pip-option-behind": Kind(ERROR, "The option {option} cannot follow a package: {reason}", "Write {instead}"),
    "pip-option-dropped": Kind(HINT, "{option} is what every build here does anyway; it has no effect.", "Remove this line"),
    "pip-option-repeated": Kind(ERROR, "{option} stands more than once, and only one can count.", "Remove this one"),
    "pip-file": Kind(ERROR, "{option} names another file, which the portal does not have. Put its lines here.", "Remove this line"),
    "pip-path": Kind(ERROR, "“{text}” is a path of the machine that wrote this. Upload it as a private wheel and name that.", "Remove this line"),
    "pip-path-named": Kind(ERROR, "{name} comes from a path of the machine that wrote this. Take it from the index, or upload it as a private wheel.", "Write {instead}"),
    "pip-editable": Kind(WARNING, "An environment has no editable packages; {name} is installed like any other.", "Write {instead}"),
    "pip-vcs": Kind(WARNING, "{name} comes from a repository as source code. It is kept; builds here take source from an index alone, so they fail."),
    "pip-source": Kind(WARNING, "{name} comes as source code from an address of its own. It is kept; builds here take source from an index alone, so they fail."),
    "from-source": Kind(WARNING, "{names} built from source: code of the package runs while it is built, in the sandbox and without network. The lock has the hash of the source, and not what builds it."),
    "from-source-other": Kind(HINT, "{names} not among the pip packages here, so this counts only where one of them needs it.", "Remove this line"),
    "from-source-open": Kind(WARNING, "What is built from source is built in the sandbox alone, and no worker of this portal has one, so builds fail."),
    "pip-url": Kind(HINT, "{name} comes from an address of its own, and not from the index."),
    "pip-url-open": Kind(WARNING, "{name} comes from {scheme}, where anybody on the way can change it.", "Use https"),
    "index-own": Kind(HINT, "Packages come from {index}, too."),
    "index-not-allowed": Kind(ERROR, "The index {index} is not allowed here. Allowed: {allowed}."),
    "credentials": Kind(ERROR, "The address holds credentials, which everybody who sees the environment could read.", "Take them out"),
    "placeholder": Kind(WARNING, "{name} is filled in by nothing, so a build fails. A secret of the workspace is written ${{NAME}}, in capitals, as user, password or part of the path of an address."),
    "secret-named": Kind(HINT, "{name} is filled in by the secret of that name, of the workspace that builds this."),
    "secret-missing": Kind(WARNING, "This workspace has no secret {name}, so a build fails. Its owners set it under Secrets."),
    "wheel-missing": Kind(ERROR, "{filename} is no private wheel of this workspace. Upload it there first."),
    # R
    "r-deprecated": Kind(WARNING, "The R section is deprecated and has no effect here. Take R packages from conda: r-base and its packages."),
    # Policy
    "package-required": Kind(ERROR, "{name} is required here.{message}", "Add {instead}"),
    "package-other-version": Kind(ERROR, "{name} is required here.{message}", "Use {instead}"),
    "package-blocked": Kind(ERROR, "{name} is blocked here.{message}", "Use {instead}"),
    "package-blocked-some": Kind(HINT, "{name} is blocked here; a build that gets one of these versions fails.{message}", "Use {instead}"),
}  # fmt: skip


def found(code, where="", line=None, *, verb="", path=(), value=None, **words):
    """Return the Finding of that code. With `verb` it carries a fix: see Fix.

    `words` fill the sentence and the button; what is called `instead` is the text that the fix writes.
    """
    kind = CATALOGUE[code]
    fix = Fix(kind.fix.format(**words), verb, tuple(path), value) if verb else None
    sentence = kind.sentence if not words else kind.sentence.format(**words)
    return Finding(code, kind.severity, sentence, where, line, fix)
