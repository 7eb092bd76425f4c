"""The change feed: DynamoDB Streams in, each change to every subscriber out."""
