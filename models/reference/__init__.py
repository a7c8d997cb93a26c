"""Problems as tables of contents: which units, which couplings, which objective. No algebra."""
