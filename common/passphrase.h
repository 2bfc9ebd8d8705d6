/*
 * passphrase: which new passphrases a key file may have (REGISTRY.md 1).
 */
#ifndef WEIR_PASSPHRASE_H
#define WEIR_PASSPHRASE_H

#include <stdint.h>

/* VERDICT_OK; VERDICT_WEAK_PASSPHRASE, and *what names the kind of number that it is or contains. */
int passphrase_check(const char *passphrase, uint64_t now, const char **what);

/* The same, said to the person without a word of the passphrase: EXIT_DONE or EXIT_REFUSED. */
int passphrase_judge(const char *passphrase);

#endif
