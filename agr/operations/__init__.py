"""What operators see and do, behind the page, the JSON API and the command line alike."""
