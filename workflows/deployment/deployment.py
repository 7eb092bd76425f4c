"""What is to be deployed: a template with its parameters and tags, recognized by its fingerprint."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import boto3

# An output of the stack; a tag would be passed on to every resource, so that each deployment touched all of them.
FINGERPRINT = "Fingerprint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What is to be deployed.

    Args:
        stack: the stack's name.
        template: the template.
        parameters: the values of its parameters.
        tags: the tags of all resources.
        bucket: where the template is uploaded, because a call takes only 51,200 bytes; None to send it directly.
        is_import: whether tables are taken into a new stack, which must have no outputs meanwhile.
    """

    stack: str
    template: Mapping[str, Any]
    parameters: Mapping[str, str]
    tags: Mapping[str, str] = field(default_factory=dict)
    bucket: str | None = None
    is_import: bool = False

    @classmethod
    def of(
        cls,
        stack: str,
        template: Mapping[str, Any],
        values: Mapping[str, str],
        *,
        tags: Mapping[str, str] | None = None,
        bucket: str | None = None,
    ) -> Self:
        """Return the deployment of a template, with the values of those parameters that it has."""
        given = {name: value for name, value in values.items() if name in template["Parameters"]}
        return cls(stack=stack, template=template, parameters=given, tags=tags or {}, bucket=bucket)

    @property
    def body(self) -> str:
        """Return the template as JSON, with the fingerprint as an output."""
        if self.is_import:
            return _as_json(self.template)
        said = {"Value": self.fingerprint, "Description": "What was deployed: a hash of template and parameters"}
        return _as_json({**self.template, "Outputs": {**self.template.get("Outputs", {}), FINGERPRINT: said}})

    @property
    def fingerprint(self) -> str:
        """Return a hash of all that determines the stack."""
        whole = [self.template, dict(self.parameters), dict(self.tags)]
        return hashlib.sha256(_as_json(whole).encode()).hexdigest()

    def is_deployed_as(self, stack: Mapping[str, Any]) -> bool:
        """Return whether a stack's description says that this is what was deployed last."""
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        return outputs.get(FINGERPRINT) == self.fingerprint

    def template_argument(self) -> dict[str, Any]:
        """Return the template as an argument of a call, uploaded first if there is a bucket."""
        if self.bucket is None:
            return {"TemplateBody": self.body}
        key = f"{self.stack}/{hashlib.sha256(self.body.encode()).hexdigest()}.template.json"
        s3 = boto3.Session().client("s3")
        s3.put_object(Bucket=self.bucket, Key=key, Body=self.body.encode())
        return {"TemplateURL": f"{s3.meta.endpoint_url}/{self.bucket}/{key}"}


def _as_json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)
