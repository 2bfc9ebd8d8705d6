/*
 * token: a person's key in a PKCS#11 token, which it never leaves; the only file that includes p11-kit.
 *
 * A URI of RFC 7512 says where it is: pkcs11:token=…;object=…?module-path=…  Without module-path, the
 * modules are asked that p11-kit is configured with.  Loading a module takes more calls than any table
 * of ours allows: a token is opened before the table closes.
 *
 * On a refusal problem says what is wrong, without the token's name, and not escaped.
 */
#ifndef WEIR_TOKEN_H
#define WEIR_TOKEN_H

#include "rsa.h"
#include "signature.h"

struct token;

enum { TOKEN_LABEL_BYTES = 33, TOKEN_PROBLEM_BYTES = 256 };

/* Before the PIN is given, how many wrong ones the token will still stand. */
enum token_tries {
	TOKEN_TRIES_LEFT,
	TOKEN_TRIES_FEW,
	TOKEN_TRIES_LAST,
	TOKEN_TRIES_NONE, /* locked */
};

/* "pkcs11:…" */
bool token_is_uri(const char *where);

/*
 * Finds the one token that fits.  VERDICT_BAD_NAME: the URI is malformed, or says what is not taken (a PIN
 * in it, pin-source but for an absolute file, module-name, another type than private, anything that is not
 * known), or several tokens fit.  VERDICT_LOOSE_PERMISSIONS, VERDICT_NOT_REGULAR: others can change
 * the module.  -ENODEV: no token that asks for a PIN fits.  Other -errno.
 */
int token_open(struct token **out, const char *uri, char problem[static TOKEN_PROBLEM_BYTES]);
const char *token_label(const struct token *token);
enum token_tries token_tries(const struct token *token);
/* The path in the URI's pin-source, or NULL. */
const char *token_pin_file(const struct token *token);
/* The PIN is entered on the reader: token_login gets NULL, and waits. */
bool token_has_pin_pad(const struct token *token);

/*
 * Gives the PIN, once, then finds the one private key that fits and its public part.  A PIN of a length
 * that the token does not take is not tried.  VERDICT_WRONG_PASSPHRASE: the PIN is wrong, or locked;
 * VERDICT_BAD_NAME: no key fits, or several; VERDICT_BAD_KEY: it is neither RSA-2048 with exponent 65537
 * nor Ed25519, or has no public part; -errno.
 */
int token_login(struct token *token, const char *pin, char problem[static TOKEN_PROBLEM_BYTES]);
/* RSA_BYTES; NULL when the key is Ed25519. */
const uint8_t *token_modulus(const struct token *token);
/* As it stands in a card: of RSA the digest (rsa_public). */
const uint8_t *token_public_key(const struct token *token);
/* The token would give the key away: it was not made for that alone. */
bool token_key_can_leave(const struct token *token);

/*
 * Over domain (zero-filled) and data.  What came is not checked.  -ENOMEM; -ENODEV: the token is gone;
 * VERDICT_WRONG_PASSPHRASE: it wants another PIN by now; -EIO: anything else.
 */
int token_sign(const struct token *token, struct signature *out, const char *domain, const void *data,
	       size_t len);
void token_free(struct token *token); /* NULL is fine */

#endif
