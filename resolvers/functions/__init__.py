"""Root fields of an imported app that Python functions answer, where Amplify has Lambda functions."""
