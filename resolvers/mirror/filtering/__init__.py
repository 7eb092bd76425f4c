"""Clients' filters and conditions: read as they are meant, and run by DynamoDB or on rows here."""
