"""The local cloud: MiniStack with our mends, and the host of the Lambda functions."""
