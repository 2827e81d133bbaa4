"""What time moves in sender."""
