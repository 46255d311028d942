"""The command line's parts: options, what a run works with, jobs beside a run, the console. No rule of deciding, cleaning or fetching."""
