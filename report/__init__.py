"""What people read: the page, trends, exports, the summary of a run. Changes nothing that is known."""
