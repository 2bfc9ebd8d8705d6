/*
 * identity: recognising the numbers that stand for a person in Taiwan.  What they look like, and what
 * is not recognised: POLICY.md 1.
 *
 * Letters of either case count, and so do the full-width forms of letters and digits (U+FF10 to
 * U+FF19, U+FF21 to U+FF3A, U+FF41 to U+FF5A) in UTF-8.  Nothing here allocates or keeps state.
 */
#ifndef WEIR_IDENTITY_H
#define WEIR_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IDENTITY_CHARACTERS = 10, HOUSEHOLD_CHARACTERS = 8, BIRTH_YEAR_MIN = 1900 };

enum identity_kind {
	IDENTITY_NONE = 0,
	IDENTITY_NUMBER,     /* national identity number, or number of a resident certificate */
	IDENTITY_HOUSEHOLD,  /* household number */
	IDENTITY_BIRTH_DATE, /* a real date from 1900 to today */
};

/* Exactly one identity number in ASCII, with a right check digit. */
bool identity_number_is_valid(const void *data, size_t len);

/*
 * Finds the first identity number with a right check digit that stands as a word of its own: no letter
 * and no digit, ASCII or full-width, touches it.  *at is where it begins.  Reads about one byte in nine
 * of text without digits.
 */
bool identity_find(const void *data, size_t len, size_t *at);

/*
 * What a passphrase is or contains, whatever stands between its letters and digits; dates of birth are
 * not later than `now`, seconds since 1970.  Chance must not refuse a long random passphrase: a
 * household number and a date of six or seven digits, which nothing checks, count when they stand by
 * themselves or when fewer than `least` characters are left without them.  The text is looked at up
 * to PASSPHRASE_MAX bytes.
 */
enum identity_kind identity_in_passphrase(const char *text, uint64_t now, size_t least);

#endif
