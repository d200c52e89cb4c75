"""Counts money: prices the tokens of a call, meters what an answer used, and keeps a budget in dollars."""
