"""What every room needs and none owns: files, HTTP, text, times, threads, errors. Imports nothing of ours."""
