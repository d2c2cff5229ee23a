from django.urls import path

from . import (
    account_api,
    api,
    lifecycle_api,
    notice_api,
    people_api,
    policy_api,
    secret_api,
    shelf_api,
    wheel_api,
)  # fmt: skip

urlpatterns = [
    path("me/", account_api.Me.as_view(), name="api-me"),
    path("me/tokens/", account_api.TokenList.as_view(), name="api-tokens"),
    path("me/tokens/<int:pk>/", account_api.TokenDetail.as_view(), name="api-token"),
    path("me/sessions/", account_api.SessionList.as_view(), name="api-sessions"),
    path("me/sessions/<str:handle>/", account_api.SessionDetail.as_view(), name="api-session"),
    path("me/notices/", notice_api.Choices.as_view(), name="api-notice-choices"),
    path("notices/", notice_api.NoticeList.as_view(), name="api-notices"),
    path("notices/<int:pk>/read/", notice_api.NoticeDetail.as_view(), name="api-notice-read"),
    path("workspaces/<slug:workspace>/webhooks/", notice_api.HookList.as_view(), name="api-hooks"),
    path("workspaces/<slug:workspace>/webhooks/<int:pk>/", notice_api.HookDetail.as_view(), name="api-hook"),
    path(
        "workspaces/<slug:workspace>/webhooks/<int:pk>/secret/", notice_api.HookSecret.as_view(), name="api-hook-secret"
    ),
    path("workspaces/<slug:workspace>/webhooks/<int:pk>/test/", notice_api.HookTest.as_view(), name="api-hook-test"),
    path(
        "workspaces/<slug:workspace>/webhooks/<int:pk>/deliveries/",
        notice_api.DeliveryList.as_view(),
        name="api-deliveries",
    ),
    path(
        "workspaces/<slug:workspace>/webhooks/<int:hook>/deliveries/<uuid:pk>/again/",
        notice_api.DeliveryAgain.as_view(),
        name="api-delivery-again",
    ),
    path("invitations/", people_api.Accept.as_view(), name="api-invitation-accept"),
    path("workspaces/<slug:workspace>/members/", people_api.MemberList.as_view(), name="api-members"),
    path("workspaces/<slug:workspace>/members/<str:person>/", people_api.MemberDetail.as_view(), name="api-member"),
    path("workspaces/<slug:workspace>/invitations/", people_api.InvitationList.as_view(), name="api-invitations"),
    path(
        "workspaces/<slug:workspace>/invitations/<int:pk>/",
        people_api.InvitationDetail.as_view(),
        name="api-invitation",
    ),
    path("import/", api.Import.as_view(), name="api-import"),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/versions/<version:number>/files/<file:file>/",
        api.VersionFile.as_view(),
        name="api-version-file",
    ),
    path("curated/", shelf_api.CuratedList.as_view(), name="api-shelf"),
    path("curated/<name:name>/", shelf_api.CuratedDetail.as_view(), name="api-curated"),
    path("curated/<name:name>/users/", shelf_api.CuratedUsers.as_view(), name="api-curated-users"),
    path("workspaces/<slug:workspace>/environments/<name:name>/origin/", shelf_api.Origin.as_view(), name="api-origin"),
    path("workspaces/", api.WorkspaceList.as_view(), name="api-workspaces"),
    path("workspaces/<slug:workspace>/environments/", api.EnvironmentList.as_view(), name="api-environments"),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/",
        api.EnvironmentDetail.as_view(),
        name="api-environment",
    ),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/versions/",
        api.VersionList.as_view(),
        name="api-versions",
    ),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/versions/<version:number>/",
        api.VersionDetail.as_view(),
        name="api-version",
    ),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/labels/",
        lifecycle_api.LabelList.as_view(),
        name="api-labels",
    ),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/labels/<label:label>/",
        lifecycle_api.LabelDetail.as_view(),
        name="api-label",
    ),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/archive/",
        lifecycle_api.ArchiveEnvironment.as_view(),
        name="api-environment-archive",
    ),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/restore/",
        lifecycle_api.RestoreEnvironment.as_view(),
        name="api-environment-restore",
    ),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/versions/<version:number>/archive/",
        lifecycle_api.ArchiveVersion.as_view(),
        name="api-version-archive",
    ),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/versions/<version:number>/restore/",
        lifecycle_api.RestoreVersion.as_view(),
        name="api-version-restore",
    ),
    path("administration/policies/", policy_api.PolicyList.as_view(), name="api-portal-policies"),
    path("administration/policies/<int:pk>/", policy_api.PolicyDetail.as_view(), name="api-portal-policy"),
    path("workspaces/<slug:workspace>/policies/", policy_api.WorkspacePolicyList.as_view(), name="api-policies"),
    path(
        "workspaces/<slug:workspace>/policies/<int:pk>/",
        policy_api.WorkspacePolicyDetail.as_view(),
        name="api-policy",
    ),
    path("workspaces/<slug:workspace>/secrets/", secret_api.SecretList.as_view(), name="api-secrets"),
    path("workspaces/<slug:workspace>/secrets/<name:name>/", secret_api.SecretDetail.as_view(), name="api-secret"),
    path("workspaces/<slug:workspace>/wheels/", wheel_api.WheelList.as_view(), name="api-wheels"),
    path("workspaces/<slug:workspace>/wheels/<sha256:sha256>/", wheel_api.WheelDetail.as_view(), name="api-wheel"),
]
