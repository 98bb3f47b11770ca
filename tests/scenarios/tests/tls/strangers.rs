//! nginx and OpenSSL.
