"""ServiceNow through pysnow and the hardened transport."""
