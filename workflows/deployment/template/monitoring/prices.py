"""AWS's list prices in US dollars, for us-east-1, without free tiers.

They were entered by hand on `DATE`; no program of ours asks AWS for them.
"""

DATE = "2026-11-29"

# Each.
TRANSITION = 25.00 / 1e6
INVOCATION = 0.20 / 1e6
GIGABYTE_SECOND = 0.0000166667  # Lambda, x86
WRITE_UNIT = 0.625 / 1e6  # DynamoDB, on demand
READ_UNIT = 0.125 / 1e6
EVENT = 1.00 / 1e6  # EventBridge, of our own
LOGGED_GIGABYTE = 0.50
TRACE = 5.00 / 1e6

# A month, of 730 hours.
HOURS = 730
STORED_GIGABYTE = 0.25 + 0.20  # with point-in-time recovery
ALARM = 0.10
METRIC = 0.30
SECRET = 0.40
KEY = 1.00
VCPU = 0.04048 * HOURS  # Fargate
FARGATE_GIGABYTE = 0.004445 * HOURS
ADDRESS = 0.005 * HOURS  # a public IPv4 address
BALANCER = 0.0225 * HOURS
BALANCER_UNIT = 0.008 * HOURS
FIREWALL = 5.00 + 1.00  # with one rule
PROVISIONED_WRITE_UNIT = 0.00065 * HOURS
PROVISIONED_READ_UNIT = 0.00013 * HOURS
EXPRESS_REQUEST = 1.00 / 1e6
