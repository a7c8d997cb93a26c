"""Everything that is served over HTTP: the UFTP endpoint, the operator page, the JSON API."""
