"""One sitting at a definition: the draft, how it is shown, what was typed, and what is wrong with it."""

import re
from dataclasses import replace
from functools import cached_property
from itertools import zip_longest

from . import drafts
from .diff import compare, numbered_changes
from .drafts import Draft, Row, Rows
from .faults import UserFault
from .findings import Fix, errors
from .formats import conda_edit, reading

MOST_ROWS = 1000
TEXT, ROWS = "text", "rows"
# Inputs of the page and the fields of a draft's docker section that they hold.
DOCKER = {
    "base": "base",
    "base_image": "baseImage",
    "base_dockerfile": "baseDockerfile",
    "context_type": "buildContext.locationType",
    "context_location": "buildContext.location",
    "context_dockerfile": "buildContext.dockerfilePath",
    "registry": "baseImageRegistry.address",
    "os": "platform.os",
    "architecture": "platform.architecture",
}
READ_AS = {
    "conda": "a conda environment file",
    "requirements": "a pip requirements file",
    "azure-json": "a definition of Azure Machine Learning",
    "azure-folder": "a folder of Azure Machine Learning",
    "azure-yaml": "an environment of az ml",
    "dockerfile": "a Dockerfile",
    "explicit": "an explicit list of conda packages",
    "conda-export": "an exported list of conda packages",
    "pylock": "a pylock.toml",
}
_VERB = re.compile(r"(?P<verb>[a-z]+)(?:-(?P<what>pip|conda|channel|variable|text|rows))?(?:-(?P<index>[0-9]{1,4}))?")


class Editing:
    """What an editor's page shows. `latest` is the version that the draft would follow, if any."""

    def __init__(self, draft, policy, latest=None, view=ROWS):
        self.policy, self.latest = policy, latest
        self.fault = ""  # why the rows could not be written into the text
        self.notice = ""
        self.paste = ""
        self.paste_findings = ()
        self.start = None  # the version that it starts from
        self.name = ""  # what a file that was read calls the environment
        self.show(draft, view)

    @classmethod
    def posted(cls, data, policy, latest=None, edit=""):
        """What stood on the page, after the button `edit` (such as `remove-conda-2`) or as it is."""
        rows, variables = posted_rows(data), posted_variables(data)
        match = _VERB.fullmatch(edit[:40])
        notice = ""
        if match:
            notice = _edit_variables(variables, match) or _edit_rows(rows, match)
        draft = Draft(
            _lines(data.get("conda", "")),
            {field: _lines(data[name]) for name, field in DOCKER.items() if data.get(name)},
            tuple(pair for pair in variables if any(pair)),
            _lines(data.get("rest", "") or "{}"),
        )
        fault, view = "", TEXT if data.get("view") == TEXT else ROWS
        if view == ROWS:
            try:
                draft = replace(draft, conda=drafts.write_rows(draft.conda, rows))
            except UserFault as raised:
                fault = raised.message
        editing = cls(Draft(), policy, latest)
        editing.paste, editing.fault, editing.notice = data.get("paste", ""), fault, notice
        editing.show(draft, view, rows)
        editing.variables = variables
        return editing

    def show(self, draft, view=None, typed=None):
        """Take a draft as what the page shows. `typed` are the rows as a person typed them."""
        self.__dict__.pop("definition", None)
        if self.fault and typed is None:
            self._leave_rows()
        self.draft, self.variables = draft, list(draft.variables)
        self.view = view or self.view
        rows = Rows.of(draft.conda) if not self.fault else typed
        self.has_rows = rows is not None and len(rows.conda) + len(rows.pip) <= MOST_ROWS
        if not self.has_rows:
            self.view, rows = TEXT, Rows()
        elif typed and not self.fault and self.view == ROWS:
            _keep_typed(rows, typed)
        self.rows = rows
        self.rows.show(self.findings)

    def _leave_rows(self):
        """Rows that could not be written into the text do not come along; say which."""
        there = Rows.of(self.draft.conda) or Rows()
        known = {row.text for row in (*there.conda, *there.pip)}
        lost = [row.text for row in (*self.rows.conda, *self.rows.pip) if not row.is_blank and row.text not in known]
        self.notice = self.fault + (f" Not taken over: {', '.join(lost[:10])}." if lost else "")
        self.fault = ""

    @property
    def is_text(self):
        return self.view == TEXT

    @cached_property
    def definition(self):
        return self.draft.examine(self.policy, self.latest.locked if self.latest else None)

    @property
    def findings(self):
        return self.definition.findings

    @property
    def errors(self):
        return errors(self.findings)

    @property
    def counts(self):
        """How many findings there are of each severity, in words."""
        found = [
            (sum(each.severity == level for each in self.findings), level) for level in ("error", "warning", "hint")
        ]
        return ", ".join(f"{count:,} {level}{'' if count == 1 else 's'}" for count, level in found if count)

    def findings_of(self, section):
        return [finding for finding in self.findings if finding.where.startswith(section)]

    @cached_property
    def changes(self):
        """What the draft changes against the latest version; None when there is none, or nothing to compare."""
        if not self.latest or not self.definition.document:
            return None
        return compare(self.latest.definition, self.definition)

    @property
    def text_changes(self):
        """The lines of the conda file that differ from the latest version's, with their surroundings."""
        return numbered_changes(self.latest.conda, self.draft.conda)

    @property
    def is_blank(self):
        """Whether nothing was said yet."""
        draft = self.draft
        return not (
            draft.conda.strip()
            or draft.variables
            or self.has_rest
            or any(draft.docker.get(k) for k in ("base", "baseImageRegistry.address"))
        )

    @property
    def has_rest(self):
        return self.draft.rest.strip() not in ("", "{}")

    @property
    def is_other_text(self):
        return bool(self.latest) and self.draft.conda != self.latest.conda

    @property
    def channels(self):
        return ",".join(name for _, name in self.rows.channels if name)

    @property
    def docker(self):
        """{name of the input: text}."""
        shown = {name: self.draft.docker.get(field, "") for name, field in DOCKER.items()}
        return shown | {"os": shown["os"] or "Linux", "architecture": shown["architecture"] or "amd64"}

    @property
    def variable_rows(self):
        """(name, value, whether it has several lines): an input of one line would lose the others."""
        return [(name, value, "\n" in value) for name, value in self.variables]

    # Buttons that work on the draft as a whole

    def apply(self, edit, files):
        """Do what a button says that is not about one row."""
        if edit.startswith("fix-"):
            self.fix(edit.removeprefix("fix-"))
        elif edit.startswith("relax-"):
            self.relax(edit.removeprefix("relax-"))
        elif edit in ("view-text", "view-rows", "back"):
            self.show(self.draft, TEXT if edit == "view-text" else ROWS)
        elif edit in ("read", "add"):
            self.read(files, adding=edit == "add")

    def add_pip(self, line):
        """Add a line to the pip packages, unless it is there."""
        try:
            if line not in [item.text for item in self.definition.pip]:
                draft = replace(
                    self.draft, conda=conda_edit.append(self.draft.conda, ("dependencies", None, "pip"), line)
                )
                self.show(draft)
        except UserFault as fault:
            self.notice = fault.message

    def fix(self, key):
        finding = next((each for each in self.findings if each.key == key and each.fix), None)
        if not finding:
            self.notice = "That is mended already."
            return
        try:
            self.show(self.draft.fixed(finding.fix))
        except UserFault as fault:
            self.notice = fault.message

    def relax(self, where):
        """Leave the version of one package open."""
        each = next((each for each in self.definition.placed if each.where == where), None)
        manager = "pip" if each and ".pip[" in where else "conda"
        name = each and drafts.split(manager, each.item.text)[0]
        if name:
            self.show(self.draft.fixed(Fix("", "set", each.path, name)))

    def read(self, files, adding):
        """Take over a pasted text or an uploaded file, or several that Azure's clients wrote together."""
        read = self._reading(files)
        if read is None:
            self.notice = "Paste a file or choose one first."
        elif read.document is None and not read.conda:
            self.paste_findings = read.findings
        else:
            try:
                self._take(read, adding)
            except UserFault as fault:
                self.notice = fault.message

    def _take(self, read, adding):
        if adding:
            draft = replace(self.draft, conda=drafts.merge(self.draft.conda, read.conda))
        else:
            draft = Draft.of(read.document or {}, read.conda)
        if adding and draft == self.draft:
            self.notice = f"Nothing to add: {READ_AS[read.format]} was read, and no package in it is new here."
            return
        self.paste, self.name = "", read.name
        self.show(draft)
        self.notice = f"{'Added from' if adding else 'Read as'} {READ_AS[read.format]}."

    def _reading(self, files):
        uploads = files.getlist("upload")
        if uploads:
            return reading.read_uploads(uploads, self.policy)
        return reading.read("", self.paste, self.policy) if self.paste.strip() else None


def posted_rows(data):
    """The rows as they were posted."""
    rows = Rows(python=data.get("python", "").strip())
    channels = zip_longest(data.getlist("channel_at"), data.getlist("channel"), fillvalue="")
    rows.channels = [(at if re.fullmatch(r"\d{1,5}", at) else "", name.strip()) for at, name in channels]
    for manager, items in (("conda", rows.conda), ("pip", rows.pip)):
        fields = (data.getlist(f"{manager}_{name}") for name in ("name", "constraint", "at", "was"))
        for position, (name, constraint, at, was) in enumerate(zip_longest(*fields, fillvalue="")):
            at = at if re.fullmatch(r"\d{1,5}(?:\.\d{1,5})?", at) else ""
            items.append(Row(manager, name.strip(), constraint.strip(), at, was, position))
    return rows


def posted_variables(data):
    pairs = zip_longest(data.getlist("variable_name"), data.getlist("variable_value"), fillvalue="")
    return [(name.strip(), _lines(value)) for name, value in pairs]


def _lines(text):
    """Browsers send CRLF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _edit_variables(variables, match):
    if match["what"] != "variable":
        return ""
    index = int(match["index"] or -1)
    if match["verb"] == "add":
        variables.append(("", ""))
    elif match["verb"] == "remove" and 0 <= index < len(variables):
        del variables[index]
    return ""


def _edit_rows(rows, match):
    """Add, remove, order or move rows. Return what a person should be told, if anything."""
    items = {"pip": rows.pip, "conda": rows.conda, "channel": rows.channels}.get(match["what"])
    index, verb = int(match["index"] or -1), match["verb"]
    if items is None:
        return ""
    if verb == "add" and index < 0:
        items.append(("", "") if match["what"] == "channel" else Row(match["what"], focus=True))
    elif not 0 <= index < len(items):
        return ""
    elif verb == "remove":
        del items[index]
    elif verb in ("up", "down") and match["what"] == "channel":
        other = index + (1 if verb == "down" else -1)
        if 0 <= other < len(items):
            items[index], items[other] = items[other], items[index]
    elif verb == "move" and match["what"] != "channel":
        return _move(rows, items, index)
    return ""


def _move(rows, items, index):
    row = items[index]
    moved = drafts.to_other_manager(row)
    if moved is None:
        return f"{row.name or 'This row'} is not a package that conda could provide, so it stays with pip."
    del items[index]
    moved.focus = True
    (rows.pip if moved.manager == "pip" else rows.conda).append(moved)
    lost = drafts.lost_by_moving(row)
    return f"{moved.name} lost its {' and '.join(lost)}: {moved.manager} has none." if lost else ""


def _keep_typed(rows, typed):
    """Show what was typed where it means what stands in the text, and the rows that are still blank."""
    for shown, were in ((rows.conda, typed.conda), (rows.pip, typed.pip)):
        filled = [row for row in were if not row.is_blank]
        for row, was in zip(shown, filled, strict=False):
            if row.text == was.text:
                row.name, row.constraint, row.focus, row.position = was.name, was.constraint, was.focus, was.position
        shown += [row for row in were if row.is_blank]
    rows.channels += [pair for pair in typed.channels if not pair[1]]
    rows.python = typed.python
