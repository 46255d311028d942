"""Chat-completions servers: asking, dialects, answers, the bill, the store of answers, batch files. Knows no ticket and no issue."""
