"""Every limit of the server, collected from where it is declared: for operators, and for `docs/limits.md`."""

from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from pydantic_settings import BaseSettings
from rich.table import Table

from models.limits import FixedLimit, all_fixed_limits, declared_limits
from models.settings import Settings
from resolvers.hosting.settings import ServerSettings

_FIXED = "fixed"
_PAGE = """\
# Limits

Written by `python server.py limits --markdown > docs/limits.md`: change the code, then write it anew.
`python server.py limits` prints what applies with the settings of the moment. What has no variable is fixed.
"""


@dataclass(frozen=True, slots=True)
class LimitLine:
    """A limit as it is listed.

    Args:
        group: what it is about.
        meaning: what is limited, with its unit.
        default: what applies without a setting.
        now: what applies with the settings.
        code: what a client gets beyond it.
        variable: the environment variable that sets it, or "fixed".
    """

    group: str
    meaning: str
    default: object
    now: object
    code: str
    variable: str


def limit_lines(own: ServerSettings, shared: Settings) -> list[LimitLine]:
    """Return every limit that a setting changes, of the server or of the deployment, then those that none does."""
    settable = [line for settings in (own, shared) for line in _of_settings(settings)]
    return [*settable, *map(_of_fixed, all_fixed_limits())]


def _of_settings(settings: BaseSettings) -> Iterator[LimitLine]:
    """Yield the limits of all fields; most fields hold none."""
    for name, field in type(settings).model_fields.items():
        if isinstance(field.annotation, type) and is_dataclass(field.annotation):
            prefix = field.validation_alias or f"{settings.model_config.get('env_prefix')}{name}"
            yield from _of_dataclass(getattr(settings, name), str(prefix))


def _of_dataclass(limits: Any, prefix: str) -> Iterator[LimitLine]:
    kind = type(limits)
    for name, (field, info) in declared_limits(kind).items():
        yield LimitLine(
            group=(kind.__doc__ or kind.__name__).partition("\n")[0].partition(";")[0].rstrip("."),
            meaning=info.meaning,
            default=field.default,
            now=getattr(limits, name),
            code=info.code,
            variable=f"{prefix}_{name}".upper(),
        )


def _of_fixed(limit: FixedLimit) -> LimitLine:
    group = f"{limit.topic[0].upper()}{limit.topic[1:]}"
    return LimitLine(group, limit.info.meaning, limit.value, limit.value, limit.info.code, _FIXED)


def limits_page() -> str:
    """Return `docs/limits.md`, whatever the settings are."""
    parts = [_PAGE]
    group = ""
    for line in limit_lines(ServerSettings.model_construct(), Settings.model_construct()):
        if line.group != group:
            group = line.group
            parts.append(
                f"\n## {group}\n\n| limit | default | beyond it | variable |\n| --- | --- | --- | --- |\n"
            )
        variable = _FIXED if line.variable == _FIXED else f"`{line.variable}`"
        parts.append(f"| {line.meaning} | {readable(line.default)} | {line.code} | {variable} |\n")
    return "".join(parts)


def limits_table(own: ServerSettings, shared: Settings) -> Table:
    """Return the limits as they apply with these settings."""
    table = Table("limit", "now", "default", "beyond it", "variable", box=None, pad_edge=False)
    group = ""
    for line in limit_lines(own, shared):
        if line.group != group:
            group = line.group
            table.add_row(f"[bold]{group}[/]")
        changed = "" if line.now == line.default else readable(line.default)
        table.add_row(line.meaning, readable(line.now), changed, line.code, line.variable)
    return table


def readable(value: object) -> str:
    """Return a value for people: thousands are set apart, a time has its unit."""
    if isinstance(value, timedelta):
        return (
            f"{value.total_seconds() / 3600:g} h"
            if value >= timedelta(hours=1)
            else f"{value.total_seconds():g} s"
        )
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) or not value.is_integer() else f"{int(value):,}"
