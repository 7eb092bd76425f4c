"""What an app's rules.graphql asks of its rows, and what a change of a row writes so that it stays true.

PURE: rows in, the parts of one transaction or a refusal out. Nothing here knows DynamoDB.
"""
