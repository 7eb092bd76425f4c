"""What checkov finds in the templates and we leave as it is, each with its reason."""

from collections.abc import Mapping

ACCEPTED: Mapping[str, str] = {
    "CKV_AWS_27": "SQS encrypts the queue by its own key (SqsManagedSseEnabled), which checkov does not know.",
    "CKV_AWS_28": "Claims, rate counters and pending approvals expire within days; nobody would want them back.",
    "CKV_AWS_115": "Only what moves hours has concurrency of its own: it would be taken from everything else.",
    "CKV_AWS_116": "State machines catch the errors of what they call; all else has a dead-letter queue.",
    "CKV_AWS_117": "Functions reach AWS's services only, by IAM and TLS; a VPC's endpoints cost by the hour.",
    "CKV_AWS_119": "DynamoDB encrypts by a key of its own; with one of ours, all hours hang on that key's policy.",
    "CKV_AWS_149": "Secrets Manager encrypts by a key of its own; only the servers' role may read the secret.",
    "CKV_AWS_158": "CloudWatch encrypts logs by a key of its own; there are neither secrets nor tokens in them.",
    "CKV_AWS_173": "The environment holds names and durations only; secrets are read at run time.",
}
