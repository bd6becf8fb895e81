"""What a network looks at: guided gradients, as pictures and as numbers."""
