"""Deployment: the template, deploying it to AWS, and a local cloud to deploy to."""
