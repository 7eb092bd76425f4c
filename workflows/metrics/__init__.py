"""What HourBank measures of itself while it runs: a declaration per metric, and how handlers emit them."""
