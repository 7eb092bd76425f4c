"""The pure rules of disputes: how they are raised, decided and resolved."""
