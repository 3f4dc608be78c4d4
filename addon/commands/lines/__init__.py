"""Commands of servers that frame by lines: names, parameters and answers are theirs."""
