"""`letterhead resend check`: what would differ for domains and emails that Resend accepts today."""
