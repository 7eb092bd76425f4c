"""What HourBank costs on AWS: what a request's life uses is counted, and docs/cost.md says what it comes to."""
