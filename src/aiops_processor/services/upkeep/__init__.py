"""What runs while nothing happens: finding what is due, who lives, what may go."""
