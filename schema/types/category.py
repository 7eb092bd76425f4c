"""A kind of service."""

from strawberry import ID

from models.tables import category
from schema.amplify.bounds import NAME, Key
from schema.amplify.declaration import has_many
from schema.amplify.mirror import mirrored
from schema.amplify.rules import READING, groups, private, public
from schema.scalars import AWSDateTime


@mirrored(
    table=category.Category,
    rules=[private(READING), public(), groups("admin")],
    bounds={"name": Key(NAME.characters)},
)
class Category:
    """A kind of service, such as gardening."""

    id: ID
    name: str
    description: str | None
    icon: str | None
    color: str | None
    isActive: bool
    createdAt: AWSDateTime
    updatedAt: AWSDateTime

    services = has_many("Service", "byCategory", key="name")
