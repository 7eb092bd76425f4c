"""Changes of requests, accounts, members, ratings and reports, each written as one DynamoDB transaction."""
