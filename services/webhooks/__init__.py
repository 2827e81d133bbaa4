"""Hears from SES what became of emails, and tells whoever listens. Holds no right at SES."""
