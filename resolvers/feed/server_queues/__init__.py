"""Changes from a queue of this server, which a topic fills: how several servers hear of them."""
