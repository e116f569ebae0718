"""The policy: what decides about categories, priority and escalation, as configuration that CI can prove."""
