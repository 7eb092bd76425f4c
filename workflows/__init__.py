"""What happens over time: state machines, the Lambda functions that they call, and their deployment."""
