"""What takes over the members of an app that HourBank replaces, as transactions."""
