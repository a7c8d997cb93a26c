"""The operators' desk: what they look at and what they can do, behind the page, the JSON API and the CLI alike."""
