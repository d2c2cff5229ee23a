"""Who used this package? From a question to the versions, builds and runs that answer it."""

from dataclasses import dataclass
from datetime import date

from django.db.models import Count, F, Q, Sum
from django.utils.functional import cached_property
from packaging.utils import canonicalize_name

from builds.models import Advisory, AdvisoryMatch, Build, LockedPackage
from environments.declared import Declared
from environments.models import Version, Workspace
from environments.portal_roles import sees_whole_portal
from environments.version_sets import VersionSet

from .models import Run, Use

EVERY_VERSION = VersionSet("")
SUBJECTS = ("package", "sha256", "licence", "advisory", "image", "digest")
PIP, CONDA = LockedPackage.Manager.PIP, LockedPackage.Manager.CONDA


@dataclass(frozen=True)
class Question:
    """What an auditor asks. Empty fields leave open what they are about.

    Exactly one of `package`, `sha256`, `licence`, `advisory`, `image` and `digest` says what is looked for. `declared` asks
    the definitions instead of the locks. `direct` is True for what was asked for, False for what that needed. `number`
    is one, or a label, of versions of `environment`. A `sha256` may be its beginning.
    """

    package: str = ""
    manager: str = ""
    versions: VersionSet = EVERY_VERSION
    sha256: str = ""
    licence: str = ""
    advisory: str = ""
    image: str = ""
    digest: str = ""
    declared: bool = False
    direct: bool | None = None
    latest: bool = False
    active: bool = False
    workspace: str = ""
    environment: str = ""
    number: str = ""
    person: str = ""
    since: date | None = None
    until: date | None = None

    @property
    def is_asked(self):
        return any(getattr(self, subject) for subject in SUBJECTS)

    @property
    def finds_versions(self):
        """Whether versions answer it themselves, and not through their locks."""
        return self.declared or bool(self.image or self.digest)

    @property
    def is_about_time(self):
        """Whether only some of the runs count."""
        return bool(self.person or self.since or self.until)


class Answer:
    """The answer to a Question, of what one person may see. QuerySets, so that a list takes the page it shows."""

    def __init__(self, question, user):
        self.question = question
        workspaces = Workspace.objects.visible_to(user)
        if question.workspace:
            workspaces = workspaces.filter(name=question.workspace)
        sees_all = sees_whole_portal(user) and not question.workspace
        self._workspaces = None if sees_all else list(workspaces.values_list("pk", flat=True))

    def _visible(self, rows, path):
        """Of these rows those in the workspaces that one may see; `path` leads to the workspace."""
        return rows if self._workspaces is None else rows.filter(**{f"{path}__in": self._workspaces})

    # What is looked for

    @cached_property
    def packages(self):
        """The LockedPackages that are meant."""
        asked, found = self.question, LockedPackage.objects.all()
        if asked.package:
            found = found.filter(self._named("manager", "version"))
        if asked.sha256:
            found = found.filter(sha256__gte=asked.sha256, sha256__lt=f"{asked.sha256}g")  # no hash goes on with a g
        if asked.licence:
            found = found.filter(licence__in=self._licences())
        if asked.advisory:
            found = found.meant_by(self.advisories)
        return found if asked.direct is None else found.filter(direct=asked.direct, lock__is_reported=False)

    def _named(self, manager, version):
        """The condition for rows that have the name, and a version that is meant."""
        names = {PIP: canonicalize_name(self.question.package), CONDA: self.question.package.lower()}
        kinds = [self.question.manager] if self.question.manager else [PIP, CONDA]
        is_meant = Q(pk__in=[])
        for kind in kinds:
            is_named = Q(name=names[kind], **{manager: kind})
            if self.question.versions.text:
                is_named &= Q(**{f"{version}__in": self._versions_meant(kind, names[kind])})
            is_meant |= is_named
        return is_meant

    def _versions_meant(self, manager, name):
        there = LockedPackage.objects.filter(manager=manager, name=name).order_by().values_list("version", flat=True)
        return [version for version in there.distinct() if self.question.versions.has(manager, version)]

    @cached_property
    def advisories(self):
        """The advisories that are asked about: a CVE may be told by more than one."""
        return (
            list(Advisory.objects.named(self.question.advisory).prefetch_related("affected").order_by("osv_id"))
            if self.question.advisory
            else []
        )

    @cached_property
    def matches(self):
        """{release: [AdvisoryMatch]} of the advisories that are asked about."""
        found = {}
        there = AdvisoryMatch.objects.filter(advisory__in=self.advisories).select_related("advisory")
        for match in there.order_by("advisory__osv_id"):
            found.setdefault(match.release, []).append(match)
        return found

    def _licences(self):
        """The licences that hold what was asked for. Packages write the same one in many ways."""
        asked = self.question.licence.lower()
        return [licence for licence in LockedPackage.objects.licences() if asked in licence.lower()]

    @property
    def _found_versions(self):
        """Of the versions that answer the question themselves, their primary keys."""
        asked = self.question
        if asked.digest:
            ran = self._visible(Run.objects.filter(image_digest=asked.digest), "workspace")
            return ran.filter(version__isnull=False).order_by().values("version")
        return self.declared.order_by().values("version")

    @cached_property
    def declared(self):
        """The Declared rows that are meant; who asks about a digest asks about no such row."""
        asked, found = self.question, Declared.objects.all()
        if asked.digest:
            return found.none()
        if asked.image:
            return found.of_image(asked.image)
        names = {PIP: canonicalize_name(asked.package), CONDA: asked.package.lower()}
        is_named = Q(pk__in=[])
        for kind in [asked.manager] if asked.manager else [PIP, CONDA]:
            is_named |= Q(kind=kind, name=names[kind])
        return found.filter(is_named)

    # Who has it

    @cached_property
    def _all_uses(self):
        found = self._visible(Use.objects.all(), "workspace")
        return self._of_versions(found.filter(lock__in=self._locks), "version__")

    @property
    def _locks(self):
        return self.packages.order_by().values("lock")

    @cached_property
    def uses(self):
        """The Uses of the locks that have it: versions, and runs of what nobody registered."""
        if not self.question.is_about_time:
            return self._all_uses
        return self._all_uses.filter(pk__in=self._counted(Run.objects.all()).order_by().values("use"))

    @cached_property
    def versions(self):
        """The Versions that answer the question themselves."""
        found = self._visible(Version.objects.all(), "environment__workspace").filter(pk__in=self._found_versions)
        if self.question.is_about_time:
            found = found.filter(pk__in=self._counted(Run.objects.all()).order_by().values("version"))
        return self._of_versions(found, "")

    @cached_property
    def builds(self):
        """The Builds that succeeded with it."""
        found = self._visible(Build.objects.succeeded(), "version__environment__workspace")
        if self.question.finds_versions:
            found = found.filter(version__in=self._found_versions)
        else:
            found = found.filter(lock__in=self._locks)
        return self._of_versions(found, "version__")

    @cached_property
    def runs(self):
        """The Runs that had it."""
        found = self._visible(Run.objects.all(), "workspace")
        if self.question.digest:
            found = found.filter(image_digest=self.question.digest)
        elif self.question.finds_versions:
            found = found.filter(version__in=self._found_versions)
        else:
            found = found.filter(lock__in=self._locks)
        return self._of_versions(self._counted(found), "version__")

    def _of_versions(self, found, to_version):
        """Of these rows those of the version that is asked about; `to_version` leads to it."""
        asked, environment = self.question, f"{to_version}environment__"
        if asked.latest:
            found = found.filter(**{f"{to_version}number": F(f"{environment}latest_number")})
        if asked.active:
            is_version = {f"{to_version}pk__isnull": False}
            found = found.filter(**is_version, **{f"{to_version}archived": None, f"{environment}archived_at": None})
        if asked.number.isdecimal():
            found = found.filter(**{f"{to_version}number": asked.number})
        elif asked.number:
            found = found.filter(**{f"{to_version}pk__in": [version.pk for version in self.named]})
        return found.filter(**{f"{environment}name": asked.environment}) if asked.environment else found

    @cached_property
    def named(self):
        """The versions that a label stands for: one of each environment of the name that is asked about."""
        asked = self.question
        if not asked.number or asked.number.isdecimal():
            return []
        found = self._visible(Version.objects.called(asked.number), "environment__workspace")
        found = found.filter(environment__name=asked.environment).select_related("environment__workspace")
        return list(found.order_by("environment__workspace__name"))

    def _counted(self, runs):
        """Of these runs those of the person and the days that are asked about."""
        asked = self.question
        if asked.person:
            runs = runs.filter(person=asked.person)
        return runs.started_between(asked.since, asked.until)

    # How many

    @cached_property
    def counts(self):
        """{environments, versions, builds, runs}, exact; and how many `lines` the list of versions has."""
        if self.question.finds_versions:
            found = self.versions.aggregate(environments=Count("environment", distinct=True), versions=Count("pk"))
            found |= {"builds": self.builds.count(), "runs": self.runs.count()}
            return found | {"lines": found["versions"]}
        found = self.uses.aggregate(
            lines=Count("pk"),
            environments=Count("environment", distinct=True),
            versions=Count("version", distinct=True),
            builds=Sum("builds", default=0),
            runs=Sum("runs", default=0),
        )
        if self.question.is_about_time:
            found |= {"builds": self._all_uses.aggregate(n=Sum("builds", default=0))["n"], "runs": self.runs.count()}
        return found

    @cached_property
    def unlocked(self):
        """How many versions declare the package and have no lock, so that nothing is known about them."""
        if not self.question.package or self.question.finds_versions:
            return 0
        found = self._visible(Version.objects.filter(uses=None), "environment__workspace")
        return self._of_versions(found.filter(pk__in=self._found_versions), "").count()
