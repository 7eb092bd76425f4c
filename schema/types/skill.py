"""Something that a member may be good at."""

from strawberry import ID

from models.tables import skill
from schema.amplify.bounds import NAME, Key
from schema.amplify.mirror import mirrored
from schema.amplify.rules import READING, groups, private, public
from schema.scalars import AWSDateTime


@mirrored(
    table=skill.Skill,
    rules=[private(READING), public(), groups("admin")],
    bounds={"name": Key(NAME.characters)},
)
class Skill:
    """Something that a member may be good at."""

    id: ID
    name: str
    category: str
    description: str | None
    isActive: bool
    createdAt: AWSDateTime
    updatedAt: AWSDateTime
