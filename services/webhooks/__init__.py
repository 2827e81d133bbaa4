"""Receives SES's feedback about emails and publishes it as events. Has no permissions at SES."""
