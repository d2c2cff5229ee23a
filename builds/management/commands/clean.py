from django.core.management.base import BaseCommand

from builds import caches, keeper, storage
from builds.models import Build
from environments.templatetags.portal import size


class Command(BaseCommand):
    help = "Say what a clean-up would free, and why. With --do, free it."

    def add_arguments(self, parser):
        parser.add_argument("--do", action="store_true", help="do it, on the disk of this machine, too")

    def handle(self, *args, **options):
        plan = storage.make_plan()
        self.show(plan)
        if not options["do"]:
            self.stdout.write("Nothing was removed. `manage.py clean --do` does it.")
            return
        cleanup = storage.clean(token=plan.token)
        keeper.sweep_folders()
        is_done = caches.clean()
        self.stdout.write(f"The files of {cleanup.builds:,} builds are given up: {size(cleanup.size)}.")
        self.stdout.write("Other machines remove theirs while their workers run.")
        if not is_done:
            self.stdout.write("A build is running here, so the caches are cleaned later by the worker.")

    def show(self, plan):
        builds = Build.objects.with_subject().in_bulk([decision.build for decision in plan.freed])
        for decision in plan.freed:
            build = builds[decision.build]
            place = f"{build.workspace}/{build.version}"
            self.stdout.write(f"{build.short_id}  {size(decision.size):>10}  {place:40}  {decision.why}")
        self.stdout.write(
            f"{len(plan.freed):,} of {len(plan.decisions):,} builds would be freed: "
            f"{size(plan.size)} of {size(plan.all_size)}."
        )
        if plan.overdraft:
            self.stdout.write(f"What has to be kept is {size(plan.overdraft)} over the budget.")
