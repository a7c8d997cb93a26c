"""Reports for a browser: one file per run or comparison."""
