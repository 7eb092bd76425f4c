"""Root fields of the app's own, the types that are no models, and inputs."""

from schema.amplify.catalogue import FunctionCall, RootType
from schema.amplify.sdl.declarations import Origin, Provider, RuleDeclaration, Strategy
from tests.unit.schema.amplify.sdl.texts import app_of, problems_of

TODO = "type Todo @model { id: ID! }"


def test_a_root_field_has_its_arguments_functions_and_rules() -> None:
    app = app_of(f"""{TODO}
        input Where {{ n: Int = 3 }}
        type Query {{ a(where: Where!, all: [Int!] = [1]): [Int] @function(name: "one-${{env}}")
            @function(name: "two", invocationType: Event) @auth(rules: [{{ allow: private }}]) }}
    """)
    (field,) = app.roots
    assert (field.root, field.name, str(field.type)) == (RootType.QUERY, "a", "[Int]")
    assert [(argument.name, str(argument.type), argument.default) for argument in field.arguments] == [
        ("where", "Where!", None),
        ("all", "[Int!]", "[1]"),
    ]
    assert field.functions == (FunctionCall("one-${env}"), FunctionCall("two", is_event=True))
    assert field.rules == (RuleDeclaration(Strategy.PRIVATE, Provider.USER_POOLS),)
    assert [(value.name, value.default) for value in app.inputs["Where"]] == [("n", "3")]


def test_appsync_s_directives_are_rules_too() -> None:
    app = app_of(f"""{TODO}
        type Mutation {{
            a: Int @function(name: "f") @aws_api_key @aws_cognito_user_pools
            b: Int @function(name: "f") @aws_auth(cognito_groups: ["admin"])
            c: Int @function(name: "f")
        }}
    """)
    either, grouped, plain = app.roots
    assert either.rules == (
        RuleDeclaration(Strategy.PRIVATE, Provider.USER_POOLS),
        RuleDeclaration(Strategy.PUBLIC, Provider.API_KEY),
    )
    assert [rule.groups for rule in grouped.rules or ()] == [("admin",)]
    assert plain.rules is None


def test_a_subscription_names_its_mutations() -> None:
    (field,) = app_of(f'{TODO} type Subscription {{ a: Todo @aws_subscribe(mutations: "createTodo") }}').roots
    assert (field.root, field.mutations) == (RootType.SUBSCRIPTION, ("createTodo",))


def test_types_that_are_no_models_have_no_implied_fields() -> None:
    app = app_of('type Todo @model { id: ID! place: Place } type Place { x: Float y: Int @function(name: "f") }')
    place = app.objects["Place"]
    assert {name: field.origin for name, field in place.fields.items()} == {
        "x": Origin.WRITTEN,
        "y": Origin.NOT_SERVED,
    }


def test_a_global_rule_must_be_a_rule() -> None:
    text = f"{TODO} input AMPLIFY {{ globalAuthRule: AuthRule = 3 }}"
    assert problems_of(text) == ("schema.graphql:1: globalAuthRule must be a rule such as { allow: public }",)
