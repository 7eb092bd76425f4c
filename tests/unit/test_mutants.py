"""The explanations of harmless mutants are about mutations that can still be made."""

import ast
from pathlib import Path

from tests.mutants.harmless import HARMLESS
from tests.mutants.mutations import mutations

MODELS = Path(__file__).parents[2] / "models"


def test_every_explained_mutant_exists() -> None:
    existing = {
        (module, mutation.described)
        for module in {module for module, _ in HARMLESS}
        for mutation in mutations(ast.parse((MODELS / f"{module}.py").read_text()))
    }
    assert [explained for explained in HARMLESS if explained not in existing] == []
