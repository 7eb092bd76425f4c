"""The mirrored types of HourBank, one file each."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from schema.amplify.mirror import catalogue_of, is_mirrored


def _declared() -> Iterator[type]:
    """Yield the class that each module of this package declares."""
    for module in iter_modules(__path__):
        found = import_module(f"{__name__}.{module.name}")
        for value in vars(found).values():
            if is_mirrored(value) and value.__module__ == found.__name__:
                yield value


CATALOGUE = catalogue_of(
    _declared(),
    # They move hours or start workflows, as all mutations of our own do.
    alone=[
        "createServiceRequest",
        "createUser",
        "createRating",
        "createDispute",
        "createTransaction",
        "updateTransaction",
    ],
)
