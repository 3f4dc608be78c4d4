"""Facts about objects in the world: their form, how they stand to each other, what a camera sees of them."""
