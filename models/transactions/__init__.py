"""What is written as one TransactWriteItems: moves of requests, accounts, members, ratings and reports."""
