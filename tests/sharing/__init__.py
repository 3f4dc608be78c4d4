"""Share links: the owner who makes them, the guest who has one, and whoever would like to have one."""
