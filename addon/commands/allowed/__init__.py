"""What the user allows: settings, the policy that judges each command, and what a consent dialog shows of it."""
