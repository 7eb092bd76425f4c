"""How HourBank comes to an AWS: the template, its deployment, and an AWS of one's own to deploy to."""
