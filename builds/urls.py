from django.urls import path

from . import (  # noqa: F401, converters are registered before the paths that use them
    artifact_views,
    converters,
    diff_views,
    keeping_views,
    log_views,
    package_history,
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
    path("workspaces/<slug:workspace>/environments/<name:name>/builds/", views.builds, name="builds"),
    path("workspaces/<slug:workspace>/preview/", preview_views.preview_draft, name="preview"),
    path("diff/", diff_views.any_diff, name="diff"),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/diff/",
        diff_views.environment_diff,
        name="environment-diff",
    ),
    path("workspaces/<slug:workspace>/environments/<name:name>/diff/draft/", diff_views.draft_diff, name="draft-diff"),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/packages/<manager:manager>/<package:package>/",
        package_history.package,
        name="package",
    ),
    path("suggest/", suggest.suggest, name="suggest"),
    path("builds/<uuid:pk>/", log_views.build, name="build"),
    path("builds/<uuid:pk>/live/", log_views.live, name="build-live"),
    path("builds/<uuid:pk>/log/", log_views.raw_log, name="build-log"),
    path("builds/<uuid:pk>/log/lines/", log_views.lines, name="build-lines"),
    path("builds/<uuid:pk>/log/stream/", log_views.stream, name="build-stream"),
    path("builds/<uuid:pk>/lock/<lockfile:file>", views.lock_file, name="build-lock-file"),
    path("builds/<uuid:pk>/artifacts/", artifact_views.artifacts, name="build-artifacts"),
    path("builds/<uuid:pk>/artifacts/<artifact:name>", artifact_views.artifact, name="build-artifact"),
    path("signed/builds/<uuid:pk>/artifacts/<artifact:name>", artifact_views.signed_artifact, name="signed-artifact"),
    path("builds/<uuid:pk>/archive/", artifact_views.order_archive, name="build-archive"),
    path("builds/<uuid:pk>/cancel/", views.cancel, name="build-cancel"),
    path("builds/<uuid:pk>/rebuild/", keeping_views.rebuild, name="build-rebuild"),
    path("builds/<uuid:pk>/free/", keeping_views.free, name="build-free"),
    path("builds/<uuid:pk>/delete/", keeping_views.delete, name="build-delete"),
    path("storage/", storage_views.page, name="storage"),
]
