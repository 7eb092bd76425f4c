"""Strawberry fields and types that are made from data rather than from classes and functions.

Types are written as GraphQL writes them (`"[ModelEscrowFilterInput]"`) and looked up by name in the `Types` of an
app when the schema is built, so that they may refer to each other.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Optional

from strawberry import ID, Info
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from schema import scalars
from schema.amplify.wire import Decoder
from schema.enums import ModelAttributeTypes, ModelSortDirection
from schema.strawberry_internals import make_object_type

Arguments = Mapping[str, Any]
Resolve = Callable[[Any, Info[Any, Any], Arguments], Any]

_BUILT_IN: Mapping[str, Any] = {
    "ID": ID,
    "String": str,
    "Int": int,
    "Float": float,
    "Boolean": bool,
    **{scalar.name: marker for marker, scalar in scalars.SCALARS.items()},
    "ModelSortDirection": ModelSortDirection,
    "ModelAttributeTypes": ModelAttributeTypes,
}
_PREFIX = "graphql_"


class Types:
    """The GraphQL types of one app by their names: scalars, enums, and what is defined here.

    Args:
        enums: the app's enums.

    Raises:
        TypeError: an enum has the name of a type that every schema has.
    """

    def __init__(self, enums: Mapping[str, Any]) -> None:
        self._by_name = dict(_BUILT_IN)
        # Python's names for the types, none of which is a keyword or a name of Python's own.
        self._namespace = {"Optional": Optional} | {_PREFIX + name: type_ for name, type_ in _BUILT_IN.items()}
        for name, enum in enums.items():
            self._add(name, enum)

    def _add(self, name: str, type_: Any) -> None:
        if name in self._by_name:
            raise TypeError(f"{name} is the name of a type that is derived from others, or that every schema has")
        self._by_name[name] = self._namespace[_PREFIX + name] = type_

    def __contains__(self, name: str) -> bool:
        """Return whether a type has this name."""
        return name in self._by_name

    def __getitem__(self, name: str) -> Any:
        """Return the type of a name."""
        return self._by_name[name]

    def annotation(self, graphql: str) -> StrawberryAnnotation:
        """Return Strawberry's annotation for a GraphQL type expression such as `[ID!]`."""
        return StrawberryAnnotation(_python(graphql), namespace=self._namespace)

    def define(
        self,
        cls: type,
        fields: Iterable[StrawberryField],
        *,
        description: str | None = None,
        is_input: bool = False,
    ) -> None:
        """Make a class a GraphQL type with these fields, under its own name."""
        make_object_type(cls, fields, description=description, is_input=is_input)
        self._add(cls.__name__, cls)

    def define_input(self, name: str, fields: Mapping[str, str]) -> None:
        """Define an input type; its values reach resolvers as mappings that lack what the client left out."""
        made = [
            StrawberryField(python_name=field, graphql_name=field, type_annotation=self.annotation(type_))
            for field, type_ in fields.items()
        ]
        self.define(type(name, (), {}), made, is_input=True)


def _python(graphql: str) -> str:
    bare = graphql.removesuffix("!")
    text = f"list[{_python(bare[1:-1])}]" if bare.startswith("[") else _PREFIX + bare
    return text if graphql.endswith("!") else f"Optional[{text}]"


class RowField(StrawberryField):
    """A field that is decoded from a row in wire form, when a client selects it."""

    def __init__(self, types: Types, name: str, graphql_type: str, decode: Decoder) -> None:
        super().__init__(python_name=name, graphql_name=name, type_annotation=types.annotation(graphql_type))
        self.decode = decode

    def get_result(self, source: Any, info: Info[Any, Any] | None, args: list[Any], kwargs: Any) -> Any:
        """Return the decoded attribute of that name."""
        del info, args, kwargs
        return self.decode(source.get(self.name))


class PartField(StrawberryField):
    """A field of an object that is stored inside a row; its value is decoded already."""

    def __init__(self, types: Types, name: str, graphql_type: str) -> None:
        super().__init__(python_name=name, graphql_name=name, type_annotation=types.annotation(graphql_type))

    def get_result(self, source: Any, info: Info[Any, Any] | None, args: list[Any], kwargs: Any) -> Any:
        """Return the value of that name."""
        del info, args, kwargs
        return source.get(self.name)


class ResolvedField(StrawberryField):
    """A field with an injected resolver, which gets the arguments by their GraphQL names."""

    def __init__(
        self,
        types: Types,
        name: str,
        graphql_type: str,
        arguments: Mapping[str, str],
        resolve: Resolve,
        *,
        is_subscription: bool = False,
        metadata: Mapping[Any, Any] | None = None,
    ) -> None:
        super().__init__(
            python_name=name,
            graphql_name=name,
            type_annotation=types.annotation(graphql_type),
            is_subscription=is_subscription,
            metadata=metadata,
        )
        self.arguments = [
            StrawberryArgument(
                python_name=argument, graphql_name=argument, type_annotation=types.annotation(type_)
            )
            for argument, type_ in arguments.items()
        ]
        self.resolve = resolve

    @property
    def is_basic_field(self) -> bool:
        """Return False: Strawberry passes arguments and info to fields that are not basic only."""
        return False

    def get_result(
        self, source: Any, info: Info[Any, Any] | None, args: list[Any], kwargs: Any
    ) -> Awaitable[Any] | Any:
        """Call the resolver."""
        del args
        return self.resolve(source, info, kwargs)  # type: ignore[arg-type]  # only basic fields get no info
