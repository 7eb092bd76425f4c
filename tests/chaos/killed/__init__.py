"""HourBank as real processes, which are killed while real clients deal with each other."""
