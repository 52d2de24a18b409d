"""How score, verdict and heat map move when the image is disturbed."""
