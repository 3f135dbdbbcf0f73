"""Cases: what people make of alerts, as a state machine over events. Pure; nothing is deleted."""
