"""Rows of a single table of several types, as the construction app's five tables store them, and back.

PURE: rows in, rows or oddities out. Nothing here knows DynamoDB.
"""
