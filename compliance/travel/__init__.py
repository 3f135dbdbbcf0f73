"""The travel rule: who sends to whom, told to the other provider before coins leave. Pure."""
