"""The options by which commands are told which app they are about."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from workflows.deployment.contents import StackContents

SchemaOption = Annotated[
    Path | None,
    typer.Option(
        "--schema",
        envvar="HOURBANK_SCHEMA",
        exists=True,
        help="Instead of HourBank, the app of this schema.graphql, or of this Amplify project's folder.",
    ),
]
RulesOption = Annotated[
    Path | None,
    typer.Option(
        "--rules",
        envvar="HOURBANK_RULES",
        exists=True,
        help="What rows must obey beside the schema; by default the rules.graphql beside it, if there is one.",
    ),
]
# Returns what the app of a schema, with its rules, brings to a stack; of HourBank without a schema.
ContentsOf = Callable[[Path | None, Path | None], StackContents]
