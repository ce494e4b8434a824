// OpenSSL's digests, which libpq is linked with anyway.
#include <openssl/sha.h>
