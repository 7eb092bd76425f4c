"""The local cloud: MiniStack, its mends, and the host of the Lambda functions."""
