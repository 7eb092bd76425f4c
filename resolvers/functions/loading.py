"""Finds the functions of an app: plain Python functions of the `functions.py` beside its schema.

Each gets what Amplify gives a Lambda function that answers a field: an event with `typeName`, `fieldName`,
`arguments`, `identity`, `source`, `request` and `prev`; and it returns the answer.
"""

import importlib.util
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from models.errors import ExpectedError

FILE = "functions.py"
# By Amplify's convention the environment is part of a function's name.
_ENVIRONMENT = "${env}"
_NO_IDENTIFIER = re.compile(r"\W+")

Function = Callable[[dict[str, Any]], Any]


class FunctionsFileError(ExpectedError):
    """The file of an app's functions cannot be used; the message says why."""


def python_name(name: str) -> str:
    """Return the name in Python of a function that `@function` names: `send_mail` of `send-mail-${env}`."""
    return _NO_IDENTIFIER.sub("_", name.replace(_ENVIRONMENT, "")).strip("_")


def load_functions(folder: Path) -> Mapping[str, Function]:
    """Return the functions of the file in a folder, by their names; none if there is no such file.

    Raises:
        FunctionsFileError: the file cannot be imported.
    """
    path = folder / FILE
    if not path.is_file():
        return {}
    spec = importlib.util.spec_from_file_location(f"functions_of_{python_name(folder.name)}", path)
    if spec is None or spec.loader is None:
        raise FunctionsFileError(f"{path} is no Python module")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise FunctionsFileError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    return {name: value for name, value in vars(module).items() if callable(value) and not name.startswith("_")}
