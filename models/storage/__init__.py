"""How rows are stored: the calls to AWS, the store, the deployment's resource names, and the codec of rows."""
