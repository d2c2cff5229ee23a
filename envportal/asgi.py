import os

from django.core.asgi import get_asgi_application

from .body_limit import BodyLimit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "envportal.settings")

application = BodyLimit(get_asgi_application())
