"""Notifications in the owner's browsers: RFC 8030, 8291 and 8292, and the page at which they are chosen."""
