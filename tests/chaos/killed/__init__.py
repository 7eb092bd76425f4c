"""Kill scenarios: HourBank as real processes, which are killed while real clients use it."""
