from django.urls import path

from . import (  # noqa: F401, converters are registered before the paths that use them
    advisory_api,
    api,
    artifact_api,
    converters,
    diff_api,
    keeping_api,
    lock_api,
    log_api,
    package_history,
    preview_api,
    storage_api,
)

urlpatterns = [
    path("resolve/", preview_api.Resolve.as_view(), name="api-resolve"),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/versions/<version:number>/builds/",
        api.BuildList.as_view(),
        name="api-version-builds",
    ),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/versions/<version:number>/refresh/",
        lock_api.Refresh.as_view(),
        name="api-refresh",
    ),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/versions/<version:number>/locks/",
        lock_api.VersionLocks.as_view(),
        name="api-version-locks",
    ),
    path("locks/<sha256:digest>/", lock_api.LockDetail.as_view(), name="api-lock"),
    path("locks/<sha256:digest>/files/<lockfile:file>", lock_api.LockFile.as_view(), name="api-lock-file"),
    path("diff/", diff_api.AnyDiff.as_view(), name="api-diff"),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/diff/",
        diff_api.EnvironmentDiff.as_view(),
        name="api-environment-diff",
    ),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/timeline/",
        diff_api.Timeline.as_view(),
        name="api-timeline",
    ),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/packages/<manager:manager>/<package:package>/",
        package_history.PackageHistory.as_view(),
        name="api-package",
    ),
    path("builds/<uuid:pk>/", api.BuildDetail.as_view(), name="api-build"),
    path("builds/<uuid:pk>/log/", log_api.BuildLog.as_view(), name="api-build-log"),
    path("builds/<uuid:pk>/log/lines/", log_api.LogLines.as_view(), name="api-build-lines"),
    path("builds/<uuid:pk>/log/stream/", log_api.LogStream.as_view(), name="api-build-stream"),
    path("builds/<uuid:pk>/lock/<lockfile:file>", api.BuildLockFile.as_view(), name="api-build-lock-file"),
    path("builds/<uuid:pk>/artifacts/", artifact_api.ArtifactList.as_view(), name="api-build-artifacts"),
    path("builds/<uuid:pk>/artifacts/<artifact:name>", artifact_api.ArtifactFile.as_view(), name="api-build-artifact"),
    path("builds/<uuid:pk>/archive/", artifact_api.Archive.as_view(), name="api-build-archive"),
    path("builds/<uuid:pk>/cancel/", api.BuildCancel.as_view(), name="api-build-cancel"),
    path("builds/<uuid:pk>/rebuild/", keeping_api.BuildRebuild.as_view(), name="api-build-rebuild"),
    path("builds/<uuid:pk>/free/", keeping_api.BuildFree.as_view(), name="api-build-free"),
    path("advisories/", advisory_api.AdvisoryList.as_view(), name="api-advisories"),
    path("advisories/<advisory:osv_id>/", advisory_api.AdvisoryDetail.as_view(), name="api-advisory"),
    path(
        "advisories/<advisory:osv_id>/ignore/",
        advisory_api.IgnoreEverywhere.as_view(),
        name="api-advisory-ignore-everywhere",
    ),
    path(
        "workspaces/<slug:workspace>/advisories/<advisory:osv_id>/ignore/",
        advisory_api.Ignore.as_view(),
        name="api-advisory-ignore",
    ),
    path("storage/", storage_api.Storage.as_view(), name="api-storage"),
    path("storage/builds/", storage_api.StorageBuilds.as_view(), name="api-storage-builds"),
    path("storage/workspaces/", storage_api.StorageWorkspaces.as_view(), name="api-storage-workspaces"),
    path("storage/clean/", storage_api.StorageClean.as_view(), name="api-storage-clean"),
]
