"""Looking at objects from named sides: where to look from, and pictures with what helps to judge them."""
