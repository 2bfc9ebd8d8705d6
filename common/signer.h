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
 * where: the path of a key file of this kind, or a PKCS#11 URI (RFC 7512).  name: whose key it must be, NULL
 * for any; a token does not know, and takes this name.  Asks for the passphrase or PIN as
 * command_passphrase does.  0, or an exit code after saying why.
 */
int signer_open(struct signer **out, enum key_kind kind, const char *where, const char *name,
		const char *passphrase_file);
/* Name and public key. */
const struct card *signer_card(const struct signer *signer);
/* 0, -errno, or a verdict. */
int signer_sign(const struct signer *signer, struct signature *out, const char *domain, const void *data,
		size_t len);
/* The key of a key file; NULL for a token. */
const struct key *signer_key(const struct signer *signer);
void signer_free(struct signer *signer); /* NULL is fine */

#endif
