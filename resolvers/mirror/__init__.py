"""The resolvers of the mirrored types: queries, mutations, relations, subscriptions, and the access rules."""
