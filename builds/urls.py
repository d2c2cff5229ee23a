from django.urls import path

from . import (  # noqa: F401, converters are registered before the paths that use them
    converters,
    keeping_views,
    lock_views,
    log_views,
    preview_views,
    storage_views,
    suggest,
    views,
)

urlpatterns = [
    path("", views.home, name="home"),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/versions/<number:number>/build/",
        views.request_build,
        name="request-build",
    ),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/versions/<number:number>/refresh/",
        lock_views.refresh,
        name="refresh",
    ),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/versions/<number:number>/locks/",
        lock_views.keep_lock,
        name="keep-lock",
    ),
    path("locks/<sha256:digest>/", lock_views.lock, name="lock"),
    path("locks/<sha256:digest>/<lockfile:file>", lock_views.lock_file, name="lock-file"),
    path("workspaces/<slug:workspace>/environments/<name:name>/builds/", views.builds, name="builds"),
    path("workspaces/<slug:workspace>/preview/", preview_views.preview_draft, name="preview"),
    path("suggest/", suggest.suggest, name="suggest"),
    path("builds/<uuid:pk>/", log_views.build, name="build"),
    path("builds/<uuid:pk>/live/", log_views.live, name="build-live"),
    path("builds/<uuid:pk>/log/", log_views.raw_log, name="build-log"),
    path("builds/<uuid:pk>/log/lines/", log_views.lines, name="build-lines"),
    path("builds/<uuid:pk>/log/stream/", log_views.stream, name="build-stream"),
    path("builds/<uuid:pk>/lock/<lockfile:file>", views.lock_file, name="build-lock-file"),
    path("builds/<uuid:pk>/cancel/", views.cancel, name="build-cancel"),
    path("builds/<uuid:pk>/rebuild/", keeping_views.rebuild, name="build-rebuild"),
    path("builds/<uuid:pk>/free/", keeping_views.free, name="build-free"),
    path("builds/<uuid:pk>/delete/", keeping_views.delete, name="build-delete"),
    path("storage/", storage_views.page, name="storage"),
]
