"""The executions of the state machines: started, resumed, completed, and swept."""
