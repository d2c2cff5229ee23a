"""Small things that stand in every page. Built into all templates, so none has to load it."""

from datetime import timedelta

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html

from environments import texts

register = template.Library()


@register.simple_tag
def icon(name):
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', static("icons.svg"), name)


@register.simple_tag
def when(moment):
    """A time: relative up to six days, then the date, always with the exact one as title."""
    if not moment:
        return format_html('<span class="muted">{}</span>', "never")
    exact = moment.strftime("%Y-%m-%d %H:%M:%S UTC")
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exact, relative(moment))


def relative(moment, now=None):
    now = now or timezone.now()
    age = now - moment
    if age < timedelta(minutes=1):
        return f"{max(0, int(age.total_seconds()))} s ago"
    if age < timedelta(hours=1):
        return f"{age.seconds // 60} min ago"
    if age < timedelta(days=1):
        return f"{age.seconds // 3600} h ago"
    if age < timedelta(days=2):
        return "yesterday"
    if age < timedelta(days=7):
        return f"{age.days} days ago"
    return f"{moment.day} {moment:%b}" if age < timedelta(days=300) else f"{moment:%b %Y}"


@register.filter
def duration(seconds):
    """0.41 s, 22.6 s, 1 min 34 s; a dash for what has not begun."""
    if seconds is None:
        return "–"
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    return f"{minutes // 60} h {minutes % 60} min"


@register.filter
def size(count):
    """Bytes in decimal units: 1.21 GB."""
    return texts.in_units(count)


@register.filter
def growth(count):
    """Bytes more or less, with a sign; a dash where nobody knows."""
    return "–" if count is None else texts.signed(count) if count else "0"


@register.filter
def thousands(number):
    return f"{number:,}"


@register.filter
def most(count):
    """A number that is shown up to 99."""
    return str(count) if count < 100 else "99+"


@register.filter
def middle(text):
    """Shorten a hash or an image key in its middle: azureml_8d1f…b2e9."""
    text = text.rsplit("/", 1)[-1]
    return text if len(text) <= 20 else f"{text[:12]}…{text[-4:]}"


@register.simple_tag(takes_context=True)
def wheel_line(context, wheel):
    """What a definition says to have a private wheel, with the portal's address as this browser knows it."""
    return wheel.line(context["request"].build_absolute_uri("/"))


@register.simple_tag
def status(value, label="", badge=False):
    """The state of a row: icon and word. As a badge beside a heading."""
    return format_html(
        '<span class="status{}" data-status="{}">{}{}</span>',
        " badge" if badge else "",
        value,
        icon(value),
        label or value.capitalize(),
    )
