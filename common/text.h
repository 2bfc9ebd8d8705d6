/*
 * text: making values fit for a person's eye.  All write at most size bytes with a zero and return out.
 */
#ifndef WEIR_TEXT_H
#define WEIR_TEXT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Escapes anything that could disturb a terminal or a log: control characters, invalid UTF-8,
 * bidirectional and zero-width characters, backslash and quotes come out as \xNN bytes.
 */
char *text_escape(char *out, size_t size, const void *data, size_t len);
char *text_escape_name(char *out, size_t size, const char *name);
char *text_hex(char *out, size_t size, const uint8_t *data, size_t len);
/* Exactly len bytes from 2 * len hex digits: 0 or VERDICT_BAD_LENGTH. */
int text_unhex(uint8_t *out, size_t len, const char *hex);
/* "1.4 GiB", "532 B" */
char *text_size(char *out, size_t size, uint64_t bytes);
/* "1,000,000" */
char *text_count(char *out, size_t size, uint64_t count);
/* "2026-11-23T08:00:00Z" */
char *text_time(char *out, size_t size, uint64_t time_s);
/* "2026-11-23" or "2026-11-23T08:00:00Z", real dates only: 0 or VERDICT_BAD_TIME. */
int text_parse_time(uint64_t *time_s, const char *text);
/* A whole decimal number up to max, nothing else: 0 or VERDICT_BAD_LIMIT. */
int text_parse_u64(uint64_t *out, const char *text, uint64_t max);
/* "2 h 05 min", "12 s" */
char *text_duration(char *out, size_t size, uint64_t seconds);

#endif
