/*
 * text: making values fit for a person's eye, and reading back what a person wrote.
 *
 * Those that give text write at most size bytes with a zero and return out; what does not fit is
 * left off, never in the middle of a character or of an escape.  Nothing here allocates, depends on
 * the locale or makes a system call.
 */
#ifndef WEIR_TEXT_H
#define WEIR_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Escapes anything that could disturb a terminal or a log: control characters, invalid UTF-8,
 * bidirectional and zero-width characters, backslash and quotes come out as \xNN bytes.
 */
char *text_escape(char *out, size_t size, const void *data, size_t len);
char *text_escape_name(char *out, size_t size, const char *name);
/* Well-formed UTF-8: no overlong form, no surrogate, nothing above U+10FFFF. */
bool text_is_utf8(const void *data, size_t len);
/* Lower case. */
char *text_hex(char *out, size_t size, const uint8_t *data, size_t len);
/* Exactly len bytes from 2 * len lower-case hex digits: 0 or VERDICT_BAD_LENGTH. */
int text_unhex(uint8_t *out, size_t len, const char *hex);
/* "1.4 GiB", "532 B" */
char *text_size(char *out, size_t size, uint64_t bytes);
/* "1,000,000" */
char *text_count(char *out, size_t size, uint64_t count);
/* "2026-11-23T08:00:00Z" */
char *text_time(char *out, size_t size, uint64_t time_s);
/* "2026-11-23" or "2026-11-23T08:00:00Z", real dates from 1970 only: 0 or VERDICT_BAD_TIME. */
int text_parse_time(uint64_t *time_s, const char *text);
/* Of a Gregorian year; month is 1 to 12. */
unsigned int text_days_in_month(unsigned int year, unsigned int month);
/* A whole decimal number up to max, nothing else: 0 or VERDICT_BAD_LIMIT. */
int text_parse_u64(uint64_t *out, const char *text, uint64_t max);
/* A number of bytes up to max, as "1048576" or, in KiB, MiB, GiB or TiB, "20 GiB": 0 or VERDICT_BAD_LIMIT. */
int text_parse_size(uint64_t *out, const char *text, uint64_t max);
/* "2.5 Gbit/s", "100 Mbit/s": cut off behind the third place. */
char *text_rate(char *out, size_t size, uint64_t bits_per_s);
/*
 * The same up to max, with three places at most, in kbit/s, Mbit/s or Gbit/s: 0 or VERDICT_BAD_LIMIT.  A bare number could
 * mean bits or bytes, so the unit must stand there.
 */
int text_parse_rate(uint64_t *bits_per_s, const char *text, uint64_t max);
/* "3 d 04 h", "2 h 05 min", "3 min 07 s", "12 s" */
char *text_duration(char *out, size_t size, uint64_t seconds);

#endif
