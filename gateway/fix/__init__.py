"""FIX 4.4 without input or output: codec, dictionary, validation, session, resend."""
