"""The rules of bookings, which are pure: times of day, opening hours, and who may book and move what."""
