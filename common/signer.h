/*
 * signer: a person's means of signing: a key file, opened with its passphrase, or a PKCS#11 token, asked
 * for its PIN on the terminal.  The token's key never leaves it.
 */
#ifndef WEIR_SIGNER_H
#define WEIR_SIGNER_H

#include "key.h"
#include "signature.h"

struct signer;

/*
 * where: the path of a key file of this kind, or a PKCS#11 URI (RFC 7512) when a person's key is asked for.
 * person: whose key it must be, or NULL for whom the file names; a token names nobody, so there it is
 * needed.  Asks for the passphrase or PIN as command_passphrase does; for a PIN, before the environment,
 * the URI's pin-source counts.  A PIN is tried once.  0, or an exit code after saying why.
 *
 * To be called before the table of system calls closes.
 */
int signer_open(struct signer **out, enum key_kind kind, const char *where, const char *person,
		const char *passphrase_file);
/* Name and public key. */
const struct card *signer_card(const struct signer *signer);
/* RSA_MODULUS_BYTES; NULL when the key is Ed25519. */
const uint8_t *signer_modulus(const struct signer *signer);
/*
 * What a token gives is verified before it is handed on: VERDICT_BAD_SIGNATURE when it is none.  0, or
 * the results of suite_sign and token_sign.
 */
int signer_sign(const struct signer *signer, struct signature *out, const char *domain, const void *data,
		size_t len);
/* The key of a key file; NULL for a token. */
const struct key *signer_key(const struct signer *signer);
void signer_free(struct signer *signer); /* NULL is fine */

#endif
