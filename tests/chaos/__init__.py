"""Nothing is lost whatever goes wrong: faults at every call, storms of them, many writers at once, and races."""
