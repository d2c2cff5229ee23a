from django.urls import path

from . import log_views, suggest, views

urlpatterns = [
    path("", views.home, name="home"),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/versions/<number:number>/build/",
        views.request_build,
        name="request-build",
    ),
    path("workspaces/<slug:workspace>/environments/<name:name>/builds/", views.builds, name="builds"),
    path("suggest/", suggest.suggest, name="suggest"),
    path("builds/<uuid:pk>/", log_views.build, name="build"),
    path("builds/<uuid:pk>/live/", log_views.live, name="build-live"),
    path("builds/<uuid:pk>/log/", log_views.raw_log, name="build-log"),
    path("builds/<uuid:pk>/log/lines/", log_views.lines, name="build-lines"),
    path("builds/<uuid:pk>/log/stream/", log_views.stream, name="build-stream"),
    path("builds/<uuid:pk>/cancel/", views.cancel, name="build-cancel"),
]
