"""The ranking in words and links: findings, and the report without a model."""
