import re

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from rules import has_perm as ask_rules

from builds import (
    actions,
    keeping,
    lock_policy,
    marks,
    quotas,
    refresh,
    shelf_rows,
    storage,
    timeline,
    versions_picture,
)
from builds.actions import Action
from builds.advisories import Assessment
from builds.licensing import Licensing
from builds.models import LicenceRules, Status, Worker
from environments.models import Interpreter, Rule
from environments.templatetags.portal import icon, status

register = template.Library()
# Characters of a line that a search shows: before the first match, and in all.
BEFORE, SHOWN = 200, 600
register.simple_tag(ask_rules, name="has_perm")


@register.inclusion_tag("builds/worker_notice.html")
def worker_notice():
    """Says so when no worker is running, because then nothing will be built."""
    return {"nobody": not Worker.objects.taking().exists()}


@register.simple_tag
def python_help():
    """Which Pythons can be asked for."""
    there = Interpreter.objects.versions()
    here = f"Here: {', '.join(there)}. " if there else ""
    return f"{here}Empty means {settings.DEFAULT_PYTHON}."


@register.simple_tag
def quota_of(workspace):
    """What a workspace takes of what it may."""
    return quotas.of(workspace)


@register.simple_tag
def role(workspace, user):
    return workspace.role_word(user)


@register.simple_tag
def build_status(build_status, reused=None):
    """The state of a build in a row: `reused` when another build supplied what it gives."""
    is_reused = reused and build_status == Status.SUCCEEDED
    return status("reused" if is_reused else build_status)


@register.simple_tag
def with_steps(environment, page):
    """The versions of a page, each with `step`: what it changed against the one before, or None."""
    versions = list(page)
    found = timeline.steps(environment, versions)
    for version in versions:
        version.step = found.get(version.number)
    return versions


@register.inclusion_tag("builds/bar.html")
def bar(kind, amount, other_kind, other, whole):
    """A bar of two parts of this `whole`."""
    return {"parts": marks.parts([(kind, amount), (other_kind, other)], whole)}


@register.simple_tag
def bar_key(kind):
    """What a part of a bar looks like, before the word for it."""
    return format_html(
        '<svg class="key" aria-hidden="true"><rect data-part="{}" width="100%" height="100%"/></svg>', kind
    )


@register.simple_tag
def icon_at(name, y=0):
    """A sign of 16 pixels in a picture, in the middle of where it is put; nothing is a ring."""
    if name == "none":
        return format_html('<circle class="ring" cy="{}" r="5"/>', y + 8)
    return format_html(
        '<use class="sign" href="{}#{}" x="-8" y="{}" width="16" height="16"/>', static("icons.svg"), name, y
    )


@register.simple_tag
def versions_along_time(versions):
    """The picture of versions that have their `step`, the newest first; None for fewer than two."""
    drawn = [_drawn(version) for version in reversed(versions)]
    return versions_picture.Picture(drawn) if len(drawn) > 1 else None


def _drawn(version):
    is_reused = version.build_reused and version.build_status == Status.SUCCEEDED
    status, step = "reused" if is_reused else version.build_status or "", version.step
    counts, words = (step.counts, step.words) if step else (None, "")
    return versions_picture.Version(version.number, version.created, status, counts, words)


@register.simple_tag
def shelf_rows_of(environments, user):
    """What the shelf says of each of these curated environments."""
    return shelf_rows.rows(environments, user)


@register.simple_tag
def shelf_row_of(environment, user):
    """The same of one."""
    return shelf_rows.rows([environment], user)[0]


@register.simple_tag
def what_may_be_done(build, viewer):
    """{action: whether} of what the page of a build that ended offers, by its state and by the role of who looks."""
    allowed = {Action.REBUILD: viewer.may_build, Action.FREE: viewer.may_free, Action.DELETE: viewer.may_delete}
    found = {action.value: allowed[action] and not actions.why_not(action, build) for action in allowed}
    return found | {"delete": found["delete"] and not keeping.why_it_stays(build)}


@register.simple_tag
def assess(packages, workspace):
    """What advisories say of the packages of a lock."""
    return Assessment(packages, workspace)


@register.simple_tag
def licence_check(packages, workspace):
    """The licences of the packages of a lock, held against the policy that counts in a workspace."""
    return Licensing(packages, LicenceRules.objects.for_workspace(workspace))


@register.simple_tag
def refused_packages(packages, workspace):
    """Why the rules of a workspace refuse packages of a lock, as sentences."""
    return lock_policy.refusals(packages, Rule.objects.rules(workspace))


@register.simple_tag
def verdict(found):
    """What a policy says of a licence, as an icon and a word."""
    if found is None:
        return format_html('<span class="muted">{}</span>', "no policy")
    sign = ("check", "hint", "warning", "error")[found]
    return format_html(
        '<span class="status" data-level="{}">{}{}</span>', found.level, icon(sign), found.words.capitalize()
    )


@register.simple_tag
def severity(advisory):
    """How bad an advisory is, in a word, with the score where there is one."""
    if not advisory.severity:
        return format_html('<span class="muted">{}</span>', "severity not said")
    score = "" if advisory.score is None else format_html(' <span class="muted">{}</span>', advisory.score)
    return format_html("{}{}", advisory.severity.capitalize(), score)


@register.simple_tag
def kept_size(build):
    return storage.size_of(build)


@register.filter
def place(address):
    """An address without what every address begins with."""
    return address.partition("://")[2].rstrip("/") or address


@register.simple_tag
def other_platforms():
    """What can be locked here besides our own platform."""
    return refresh.PLATFORMS[1:]


@register.filter
def marked(text, searched):
    """A part of the text around the first place that was searched for, with all such places marked."""
    pattern = re.compile(f"({re.escape(searched)})", re.IGNORECASE)
    match = pattern.search(text)
    start = max(0, match.start() - BEFORE) if match else 0
    parts = pattern.split(text[start : start + SHOWN])
    shown = format_html_join(
        "",
        "{}{}",
        (
            (part, format_html("<mark>{}</mark>", hit) if hit else "")
            for part, hit in zip(parts[::2], [*parts[1::2], ""], strict=True)
        ),
    )
    return format_html("{}{}", "…" if start else "", shown)
