"""`letterhead doctor`: checks every part of an installation and says how to fix problems."""
