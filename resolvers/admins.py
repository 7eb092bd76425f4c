"""Who is an administrator, for what no rule of a type decides."""

from resolvers.context import signed_in
from resolvers.identity import Caller
from schema.amplify.answers import AnyInfo
from schema.errors import UnauthorizedError

_GROUP = "admin"


def is_admin(caller: Caller) -> bool:
    """Tell whether a caller is an administrator."""
    return _GROUP in caller.groups


def signed_in_admin(info: AnyInfo) -> Caller:
    """Return who is asking.

    Raises:
        UnauthorizedError: it is no administrator.
    """
    caller = signed_in(info)
    if not is_admin(caller):
        raise UnauthorizedError.of(info)
    return caller
