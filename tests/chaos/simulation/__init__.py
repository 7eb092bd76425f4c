"""The whole of HourBank in one process and in virtual time, where a fault plan decides which calls fail."""
