"""Machines: one folder FAMILY/KIND each, found by walking (registry); what a machine is (machine, facts)."""
