"""The command line's parts: options, which tickets a run works on and what with, jobs beside a run, the console. Decides on no ticket."""
