"""How members, their hours and their open exchanges come here from the app that HourBank replaces: pure rules.

The former app is one that Amplify deployed: a member's hours are `User.bankHours`, and an exchange is a
Transaction, whose hours it moves once it is COMPLETED.
"""
