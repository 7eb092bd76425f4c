"""A request's life as a tree with times: from its rows, its executions and its lines of the log."""
