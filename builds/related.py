"""What the models that point to builds say about the files of these, in apps that are not known here.

A model takes part by methods of its default manager, each of which it may have or not:

- `uses_of_builds()` yields (id of a build, when its files were used last), which keeps them for a while;
- `builds_in_use()` are the ids of builds whose files it needs just now, which keeps them in any case;
- `sizes_of_files(builds)` yields (id, bytes) of what it has itself of some builds, and that goes when they are freed;
- `free_files(build)` removes that.
"""


def told(model, method, *arguments):
    """What each of the models that point to `model` answers."""
    for relation in model._meta.related_objects:
        answer = getattr(relation.related_model._default_manager, method, None)
        if answer:
            yield answer(*arguments)


def last_uses(model):
    """{id: when its files were used last}"""
    found = {}
    for answer in told(model, "uses_of_builds"):
        for pk, when in answer:
            found[pk] = max(when, found.get(pk, when))
    return found


def sizes(builds):
    """{id: bytes} of what others have of these builds."""
    found = {}
    for answer in told(builds.model, "sizes_of_files", builds):
        for pk, size in answer:
            found[pk] = found.get(pk, 0) + (size or 0)
    return found
