"""The CloudFormation template, built from the tables, the functions and the state machines."""
