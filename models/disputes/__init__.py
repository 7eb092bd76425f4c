"""The rules of disputes, pure: how they are raised, decided and resolved."""
