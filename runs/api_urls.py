from django.urls import path

from . import api, converters, event_api, usage_api  # noqa: F401, converters are registered before the paths

urlpatterns = [
    path("workspaces/<slug:workspace>/runs/", api.RunList.as_view(), name="api-runs"),
    path("runs/<uuid:pk>/", api.RunDetail.as_view(), name="api-run"),
    path("events/", event_api.EventList.as_view(), name="api-events"),
    path("events/export.<export:kind>/", event_api.EventExport.as_view(), name="api-events-export"),
    path("usage/", usage_api.Usage.as_view(), name="api-usage"),
    path("usage/export.<export:kind>/", usage_api.UsageExport.as_view(), name="api-usage-export"),
]
