"""`letterhead doctor`: what is wrong with an installation, part by part, and what to do about it."""
