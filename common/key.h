/*
 * key: keys, key files and cards.  Format: REGISTRY.md 1 and 2.
 */
#ifndef WEIR_KEY_H
#define WEIR_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle.h"

enum key_kind {
	KEY_ROOT = 1,
	KEY_PERSON,
	KEY_SENDER,
	KEY_RECEIVER,
	KEY_RECIPIENT,
	KEY_LINK,
	KEY_PSK,
	KEY_MACHINE, /* signs under a standing order */
	KEY_KIND_END
};

enum {
	KEY_FILE_BYTES = 208,
	FINGERPRINT_BYTES = 48, /* 8 groups of 5 digits, 7 blanks, a zero */
	CARD_TEXT_BYTES = 320,
	PASSPHRASE_MAX = 1024,
};

/* What everybody may know of a key. */
struct card {
	enum key_kind kind;
	char name[NAME_BYTES];
	uint8_t public_key[SUITE_KEY_BYTES];
	/* a person's reading key (X25519), a recipient's receipt key (Ed25519), else zero; not in the id */
	uint8_t second[SUITE_KEY_BYTES];
	uint8_t id[KEY_ID_BYTES];
};

/* A key with its secret; lives in suite_secret_alloc memory (key_free). */
struct key {
	struct card card;
	uint8_t secret[SUITE_KEY_BYTES];
};

/* "root", "person", …; NULL outside the enum.  The reverse gives 0 for an unknown word. */
const char *key_kind_name(enum key_kind kind);
enum key_kind key_kind_from_name(const char *name);

/* Fills id from kind, name and public_key. */
void card_identify(struct card *card);
void card_fingerprint(char out[static FINGERPRINT_BYTES], const struct card *card);

/* The registry's word for a card's second public key; NULL when the kind has none. */
const char *card_second_name(const struct card *card);
/* The section of the registry that a card is, behind a comment with its fingerprint: REGISTRY.md 2.  Gives out. */
char *card_text(char out[static CARD_TEXT_BYTES], const struct card *card);

/* A fresh key, or NULL (errno). */
struct key *key_new(enum key_kind kind, const char *name);
/* Fills public keys and id from kind, name and secret. */
void key_complete(struct key *key);
/*
 * The secrets of the second public keys: a person's reading key (X25519) opens what officers may see of a
 * waiting bundle, the seed of a recipient's receipt key (Ed25519) signs what was done with it.  out is
 * secret memory, or wiped by the caller.
 */
void key_reading_secret(uint8_t out[static SUITE_KEY_BYTES], const struct key *person);
void key_receipt_seed(uint8_t out[static SUITE_KEY_BYTES], const struct key *recipient);
void key_free(struct key *key);

/*
 * Key files as bytes.  passphrase NULL: unprotected.  key_decode gives *out in secret memory;
 * VERDICT_WRONG_PASSPHRASE also when a passphrase is needed and none is given.
 */
int key_encode(uint8_t out[static KEY_FILE_BYTES], const struct key *key, const char *passphrase,
	       uint32_t operations, uint32_t memory_kib);
int key_decode(struct key **out, const uint8_t *in, size_t len, const char *passphrase);
/* The card alone, without any passphrase.  For unprotected and protected files alike. */
int key_decode_card(struct card *out, const uint8_t *in, size_t len, bool *needs_passphrase);

/* On disk: mode and owner are checked (VERDICT_LOOSE_PERMISSIONS), files are never replaced. */
int key_save(const char *path, const struct key *key, const char *passphrase);
int key_load_card(struct card *out, const char *path, bool *needs_passphrase);
int key_load(struct key **out, const char *path, const char *passphrase);

#endif
