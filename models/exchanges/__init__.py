"""Exchanges: a request as the app sees it, as a row of Amplify's Transaction. Pure rules."""
