"""User pools as Amazon Cognito keeps them: what MiniStack leaves out of signing up, signing in and signing out.

`mend.py` puts these answers in the place of MiniStack's; the other modules know nothing of MiniStack.
"""
