"""A sample helpdesk, a built-in model and sample tickets: what `--demo` and the end-to-end tests run against."""
