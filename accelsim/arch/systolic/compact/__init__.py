"""CompAct: a dense systolic array whose activation buffer holds run-length codes."""
