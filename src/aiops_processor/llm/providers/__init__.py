"""The models that can be asked, each behind the same small door (`chat`)."""
