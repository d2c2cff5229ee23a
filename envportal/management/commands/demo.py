import time
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from builds.models import Build, LicenceRules, Status, Worker
from environments import definition
from environments.models import Membership, Role, Workspace
from runs import reports
from runs.models import Run

PATIENCE = 600  # seconds

PEOPLE = {"mira": Role.OWNER, "tomas": Role.EDITOR, "aylin": Role.VIEWER}

# Workspace, environment, what it is for, and its versions: who, why, what from pip, what from conda.
WEEK = [
    ("fraud-detection", "churn-scoring", "Nightly scoring of customers, and the API behind it", [
        ("mira", "First try", ["scikit-learn", "pandas"], []),
        ("tomas", "Serve it", ["scikit-learn>=1.5", "pandas>=2.2,<3", "fastapi", "uvicorn"], []),
        ("mira", "Pin what the API promises", ["scikit-learn>=1.5", "pandas>=2.2,<3", "fastapi==0.115.6", "uvicorn"], []),
    ]),
    ("fraud-detection", "feature-checks", "Hourly checks of the features that models read", [
        ("tomas", "", ["polars", "pydantic>=2", "rich"], []),
    ]),
    ("fraud-detection", "old-scipy", "Reproduces the report of 2022", [
        ("tomas", "As in the notebook", ["scipy==1.9.3", "numpy==2.1.0"], []),
    ]),
    ("demand-forecast", "weekly-demand", "Demand per store and article", [
        ("mira", "", ["statsmodels", "pandas>=2.2,<3"], []),
        ("mira", "Holidays", ["statsmodels", "pandas>=2.2,<3", "holidays"], []),
    ]),
    ("demand-forecast", "demand-lab", "The same packages as churn-scoring had at first", [
        ("mira", "Taken from fraud-detection", ["pandas", "scikit-learn"], []),
    ]),
    ("demand-forecast", "geo", "Maps of the stores", [
        ("mira", "GDAL is only to be had from conda", ["requests==2.32.3"], ["gdal>=3.8"]),
    ]),
]  # fmt: skip


# What the workspace of the first entry says of licences.
LICENCES = {
    "allowed": ["Apache-2.0", "BSD-3-Clause", "ISC", "MIT"],
    "review": ["MPL-2.0", '"bsd license"'],
    "denied": ["AGPL-3.0-only", "AGPL-3.0-or-later"],
}


class Command(BaseCommand):
    help = "Fill a running portal with what a small team would have after a week, built by the real engine."

    def handle(self, *args, **options):
        if not Worker.objects.alive().exists():
            raise CommandError("No worker is running. Start the portal with `make run`, then call this again.")
        people = {name: self.person(name) for name in PEOPLE}
        asked = [build for entry in WEEK for build in self.fill(people, *entry)]
        self.decide_licences(people["mira"])
        self.wait(asked)
        for number, build in enumerate(asked):
            self.run_in(build, number)
        self.stdout.write("Sign in as admin. mira, tomas and aylin are there too; `changepassword` lets them in.")

    def person(self, name):
        user, is_new = get_user_model().objects.get_or_create(username=name)
        if is_new:
            user.set_unusable_password()
            user.save(update_fields=["password"])
        return user

    def fill(self, people, workspace, name, description, versions):
        """Register what is not there yet. Yield the builds that were asked for."""
        workspace, _ = Workspace.objects.get_or_create(name=workspace)
        for person, role in PEOPLE.items():
            Membership.objects.get_or_create(workspace=workspace, user=people[person], defaults={"role": role})
        environment = workspace.environments.filter(name=name).first()
        if not environment:
            environment = workspace.add_environment(name, people[versions[0][0]], description)
        for person, message, pip, conda in versions:
            wanted = definition.read(
                definition.compose(settings.DEFAULT_PYTHON, ["conda-forge"] if conda else [], conda, pip)
            )
            version, is_new = environment.register(wanted, people[person], message)
            if is_new:
                yield version.builds.request(version, people[person])

    def decide_licences(self, owner):
        workspace = Workspace.objects.get(name=WEEK[0][0])
        if not workspace.licence_rules.exists():
            LicenceRules.objects.decide(workspace, LICENCES, "", owner)

    def run_in(self, build, number):
        """Record what ran in a build since, the last of it with a package that somebody put beside."""
        build.refresh_from_db()
        for night in range(3) if build.status == Status.SUCCEEDED else ():
            started = build.finished - timedelta(days=night, hours=number)
            facts = {"person": build.asked_by.username, "script": "run.py", "started": started}
            facts |= {"ended": started + timedelta(minutes=3 + number), "name": f"{build.version} nightly"}
            if not night and not number:
                lines = [f"{package.name}=={package.version}" for package in build.lock.packages.all()]
                facts["report"] = reports.read("\n".join([*lines, "ipdb==0.13.13"]))
            Run.objects.record(build.workspace, build.asked_by, version=build.version, **facts)

    def wait(self, asked):
        deadline = time.monotonic() + PATIENCE
        for build in asked:
            while build.is_unfinished:
                if time.monotonic() > deadline:
                    raise CommandError(f"Build {build.pk} is still {build.status} after {PATIENCE} s.")
                time.sleep(0.5)
                build.refresh_from_db()
            self.stdout.write(f"{build.shown_status:10} {build.version}  {build.reason[:90]}")
        self.stdout.write(f"{len(asked)} builds; {Build.objects.count()} in the portal.")
