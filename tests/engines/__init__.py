"""The engines that the money is proved on: MiniStack, also within this process, and DynamoDB Local."""
