"""The servers that HourBank is measured beside."""
