"""A day of HourBank in ten minutes: members go about their business, and what can fail fails, one after another.

Whoever runs it sees what operators see, and no more: `server.py status`, the alarms and the metrics behind them,
and /readyz. Each failure must show there, and its runbook must mend it.
"""
