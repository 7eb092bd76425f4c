"""Every attack of the catalogue; a module of this folder is a kind or two, found by standing here."""

import pkgutil
from importlib import import_module

from tests.security.attacks.catalogue import Attack, Kind


def every_attack() -> list[Attack]:
    """Return all attacks, by finding."""
    modules = (import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    kinds = {kind for module in modules for kind in vars(module).values() if isinstance(kind, Kind)}
    return sorted((attack for kind in kinds for attack in kind.attacks), key=lambda one: (one.finding, one.kind))
