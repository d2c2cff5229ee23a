"""What waits for curators: newer packages and advisories, as the last look at each has shown."""

from django.core.paginator import Paginator
from django.shortcuts import render

from environments.forms import PageForm
from environments.models import Curation
from environments.shelf_views import require_curator

from .models import AdvisoryImport, Outlook

PAGE = 50


def waiting(request):
    require_curator(request)
    page = Paginator(Outlook.objects.for_curators(), PAGE).get_page(PageForm(request.GET).page_number)
    context = {
        "section": "shelf",
        "page": page,
        "waiting": sum(outlook.waits for outlook in page.object_list),
        "without_file": Curation.objects.without_file().select_related("environment__workspace")[:PAGE],
        "last_import": AdvisoryImport.objects.last_good(),
    }
    return render(request, "builds/waiting.html", context)
