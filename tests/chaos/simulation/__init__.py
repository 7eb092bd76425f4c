"""HourBank whole in one process and in virtual time, where any call may fail as a seed says."""
