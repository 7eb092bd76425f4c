"""The template of the servers: containers behind a load balancer, who may sign in, and who watches."""
