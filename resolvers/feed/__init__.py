"""The change feed: reads DynamoDB Streams and passes each change to every subscriber."""
