"""SM2 signatures with SM3 for jdgate (GB/T 32918.2), on the system's OpenSSL 3."""
