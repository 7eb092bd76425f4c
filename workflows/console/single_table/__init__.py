"""`python server.py migrate-single-table`: the rows of a single table come into the five of the construction app.

plan        reads the single table and says what a run would do
run         copies rows, and follows the single table's stream; it may die anywhere and be run again
verify      compares both sides, row by row, by counts and by sums
switch      from here on the app has the rows; the single table counts as read-only
back        brings what the app has written since into the single table
"""
