"""Log lines to templates, without configuration: header, fields, words, clusters. Pure."""
