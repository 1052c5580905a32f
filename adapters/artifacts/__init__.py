"""The artifact store: packages by the digest of their content, as files of the server's home."""
