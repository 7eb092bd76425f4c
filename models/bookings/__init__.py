"""The rules of bookings: times of day, when a service is open, who may book and move what. Pure, as `requests` is."""
