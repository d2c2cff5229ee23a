from django.urls import path

from . import converters, event_views, usage_views, views  # noqa: F401, converters are registered before the paths

urlpatterns = [
    path("audit/", usage_views.audit, name="audit"),
    path("audit/export.<export:kind>", usage_views.export, name="audit-export"),
    path("events/", event_views.events, name="events"),
    path("events/export.<export:kind>", event_views.export, name="events-export"),
    path("workspaces/<slug:workspace>/runs/", views.runs, name="runs"),
    path("runs/<uuid:pk>/", views.run, name="run"),
]
