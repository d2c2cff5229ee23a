import os

from django.core.asgi import get_asgi_application

from .body_limit import BodyLimit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "envportal.settings")
django = get_asgi_application()

from builds.streams import Streams  # noqa: E402, which needs what Django has set up
from events import actor  # noqa: E402

actor.this_process("web")
application = BodyLimit(Streams(django))
