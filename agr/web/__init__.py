"""Everything served over HTTP: the UFTP endpoint, the operators' page and the JSON API."""
