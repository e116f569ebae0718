"""Incidents tied to the problems behind them and the changes that caused or cured them."""
