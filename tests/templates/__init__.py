"""The CloudFormation templates, checked by cfn-lint and checkov."""
