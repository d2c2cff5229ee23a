from django.urls import path

from . import account_views, people_views, secret_views, settings_views, views, wheel_views

urlpatterns = [
    path("account/tokens/", account_views.tokens, name="tokens"),
    path("account/tokens/<int:pk>/revoke/", account_views.revoke_token, name="token-revoke"),
    path("account/sessions/", account_views.sessions, name="sessions"),
    path("account/sessions/<str:handle>/end/", account_views.end_session, name="session-end"),
    path("account/password/", account_views.password, name="password"),
    path("new-workspace/", people_views.new_workspace, name="new-workspace"),
    path("invitations/<str:text>/", people_views.invitation, name="invitation"),
    path("workspaces/<slug:workspace>/leave/", people_views.leave, name="leave"),
    path("workspaces/<slug:workspace>/people/", people_views.people, name="people"),
    path("workspaces/<slug:workspace>/people/invite/", people_views.invite, name="invite"),
    path(
        "workspaces/<slug:workspace>/people/invitations/<int:pk>/revoke/",
        people_views.revoke_invitation,
        name="invitation-revoke",
    ),
    path("workspaces/<slug:workspace>/people/<str:person>/remove/", people_views.remove_member, name="member-remove"),
    path("workspaces/<slug:workspace>/", views.environments, name="environments"),
    path("workspaces/<slug:workspace>/new/", views.new_environment, name="new-environment"),
    path("workspaces/<slug:workspace>/new/from/", views.starts, name="starts"),
    path("workspaces/<slug:workspace>/environments/<name:name>/", views.environment, name="environment"),
    path("workspaces/<slug:workspace>/environments/<name:name>/new-version/", views.new_version, name="new-version"),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/versions/<version:number>/",
        views.version,
        name="version",
    ),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/versions/<version:number>/files/<file:file>",
        views.version_file,
        name="version-file",
    ),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/settings/",
        settings_views.settings,
        name="environment-settings",
    ),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/labels/",
        settings_views.set_label,
        name="label-set",
    ),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/labels/<label:label>/remove/",
        settings_views.remove_label,
        name="label-remove",
    ),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/archive/",
        settings_views.archive,
        name="environment-archive",
    ),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/restore/",
        settings_views.restore,
        name="environment-restore",
    ),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/delete/",
        settings_views.delete,
        name="environment-delete",
    ),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/versions/<version:number>/archive/",
        settings_views.archive,
        name="version-archive",
    ),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/versions/<version:number>/restore/",
        settings_views.restore,
        name="version-restore",
    ),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/versions/<version:number>/delete/",
        settings_views.delete,
        name="version-delete",
    ),
    path("workspaces/<slug:workspace>/secrets/", secret_views.secrets, name="secrets"),
    path("workspaces/<slug:workspace>/secrets/<secret:name>/delete/", secret_views.delete_secret, name="secret-delete"),
    path("workspaces/<slug:workspace>/wheels/", wheel_views.wheels, name="wheels"),
    path("workspaces/<slug:workspace>/wheels/<sha256:sha256>/", wheel_views.wheel, name="wheel"),
    path("workspaces/<slug:workspace>/wheels/<sha256:sha256>/delete/", wheel_views.delete_wheel, name="wheel-delete"),
    path(
        "workspaces/<slug:workspace>/wheels/<sha256:sha256>/<wheel:filename>",
        wheel_views.wheel_file,
        name="wheel-file",
    ),
]
