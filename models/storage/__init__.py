"""How rows are stored: the way to AWS, the store, the deployment's names, and the codec of rows."""
