"""A deployment's fingerprint touches nothing but itself."""

import json

from workflows.deployment.deployment import Deployment


def deployment(*, timeout: int = 30, **parameters: str) -> Deployment:
    resources = {"F": {"Type": "AWS::Lambda::Function", "Properties": {"Timeout": timeout}}}
    return Deployment(
        stack="s",
        template={"Resources": resources, "Outputs": {"Other": {"Value": "kept"}}},
        parameters=parameters,
        tags={"hourbank:environment": "dev"},
    )


def test_the_fingerprint_is_an_output_and_no_tag_which_every_resource_would_get() -> None:
    # Found: it was a stack's tag, so that CloudFormation updated every resource at every deployment.
    before, after = deployment(timeout=30), deployment(timeout=31)
    assert before.tags == after.tags
    old, new = json.loads(before.body), json.loads(after.body)
    assert old["Outputs"]["Fingerprint"]["Value"] == before.fingerprint != after.fingerprint
    assert old["Outputs"]["Other"] == {"Value": "kept"}
    without = {key: value for key, value in new.items() if key != "Outputs"}
    assert without == {"Resources": after.template["Resources"]}


def test_the_fingerprint_follows_from_template_and_parameters() -> None:
    assert deployment().fingerprint == deployment().fingerprint
    assert deployment(Key="a").fingerprint != deployment(Key="b").fingerprint
