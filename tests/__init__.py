"""What shows that HourBank holds: pure rules, the real local cloud, real clients."""
