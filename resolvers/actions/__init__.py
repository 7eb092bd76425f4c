"""What members and admins do: the rule decides, a transaction writes, an execution goes on."""
