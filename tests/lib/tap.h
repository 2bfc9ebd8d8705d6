/*
 * tap: a test program prints one line a check and is run by prove.  A check's text is a sentence
 * that is true when it passes.  `seed` is printed, and taken from SEED when that is set.
 */
#ifndef WEIR_TAP_H
#define WEIR_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool ok(bool good, const char *sentence, ...) __attribute__((format(printf, 2, 3)));
/* Prints both numbers when they differ. */
bool is_number(int64_t got, int64_t wanted, const char *sentence, ...)
	__attribute__((format(printf, 3, 4)));
bool is_text(const char *got, const char *wanted, const char *sentence, ...)
	__attribute__((format(printf, 3, 4)));
bool is_bytes(const void *got, const void *wanted, size_t len, const char *sentence, ...)
	__attribute__((format(printf, 4, 5)));
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void skip(const char *reason, const char *sentence);

/* Prints the plan; the exit status of main. */
int done_testing(void);

/* SEED from the environment, or from the clock; printed once. */
uint64_t test_seed(void);
/* splitmix64; state is the caller's. */
uint64_t test_random(uint64_t *state);
void test_random_bytes(uint64_t *state, void *out, size_t len);

/* A fresh directory under TMPDIR, removed at exit with all that is in it.  Never NULL. */
const char *test_dir(void);
/* "DIR/name" in a static ring of buffers. */
const char *test_path(const char *name);

#endif
