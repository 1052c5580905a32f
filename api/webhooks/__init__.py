"""What other systems tell us, signed. Nothing is parsed before the signature over the raw bytes was found right."""
