import os
from pathlib import Path

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "envportal.settings")

TRANSPORT_ALIASES["filesystem"] = "envportal.broker:Transport"
app = Celery("envportal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@app.on_after_configure.connect
def make_broker_folders(sender, **kwargs):
    """The broker without a server is two folders, which it does not make itself."""
    folders = sender.conf.broker_transport_options
    for name in ("data_folder_in", "control_folder"):
        if name in folders:
            Path(folders[name]).mkdir(parents=True, exist_ok=True)
