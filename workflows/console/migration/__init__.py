"""`python server.py migrate`: members of a living HourBank come here from an app of Amplify's, and go back.

plan        reads both apps and says what a run would do
run         copies rows, takes members over, makes open exchanges requests; it may die anywhere and be run again
verify      compares both apps, by counts and by sums
rollback    gives everything back
"""
