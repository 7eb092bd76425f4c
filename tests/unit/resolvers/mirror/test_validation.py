"""What the schema cannot check of an input is refused by the name of its field."""

import pytest

from resolvers.mirror.validation import validated
from schema.errors import InvalidInputError
from schema.types import CATALOGUE


def test_a_whole_input_is_checked_field_by_field() -> None:
    for given in ({"serviceId": ""}, {"serviceId": "x" * 3_000}, {"message": "x" * 300_000}):
        with pytest.raises(InvalidInputError) as refusal:
            validated(CATALOGUE.models["ServiceRequest"], {"id": "r", **given})
        assert refusal.value.info == {"field": next(iter(given))}
