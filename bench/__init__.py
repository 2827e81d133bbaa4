"""What each hot step costs on this machine, held against the least that the same parts could cost."""
