"""What a call brings about in sender where that is more than one statement."""
