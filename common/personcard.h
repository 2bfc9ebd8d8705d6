/*
 * personcard: the registry's section of a person whose key is in no key file: it comes from a token or a
 * certificate.
 */
#ifndef WEIR_PERSONCARD_H
#define WEIR_PERSONCARD_H

#include <stdbool.h>

#include "key.h"

/* modulus: RSA_BYTES, of which card->public_key is the digest, or NULL when the key is Ed25519. */
void personcard_print(const struct card *card, const uint8_t *modulus);

/* `key show pkcs11:…`: name may be NULL when it was not given; the rest as in signer_open.  Exit code. */
int personcard_show_token(const char *uri, const char *name, const char *passphrase_file, bool wants_json);

#endif
