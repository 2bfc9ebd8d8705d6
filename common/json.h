/*
 * json: writing what `--json` prints, and reading status files.  The only file that includes
 * jansson.
 *
 * Writing.  A value is made by json_object_new or json_array_new, filled, printed and freed.  No
 * call in between needs a check: a failure (no memory, a number that does not fit, NULL in place of
 * a value) sticks to the value, passes to what it is put into, and is the result of json_print or
 * json_dump, which then write nothing.  Keys come out in the order they were set; a key set again
 * replaces its value.
 *
 * Reading.  json_parse gives a document; a json_view is a place in it, passed by value, borrowed,
 * and valid until the document is freed.  Asking a place for something that it does not hold gives
 * an empty view, so a path is followed without checks and judged at its end.
 */
#ifndef WEIR_JSON_H
#define WEIR_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json;

enum { JSON_BYTES_MAX = 67108864 };

struct json_view {
	const void *node; /* NULL: nothing there */
};

/* NULL when there is no memory; every function here takes that NULL. */
struct json *json_object_new(void);
struct json *json_array_new(void);
void json_free(struct json *json);

/*
 * Into an object.  Text that is not UTF-8 is escaped as text_escape does; NULL gives null.  Numbers
 * are at most INT64_MAX (what other readers hold exactly is less: ids, such as epochs, are texts).
 * json_set_child takes child over.
 */
void json_set_text(struct json *object, const char *key, const char *value);
void json_set_number(struct json *object, const char *key, uint64_t value);
void json_set_signed(struct json *object, const char *key, int64_t value);
void json_set_bool(struct json *object, const char *key, bool value);
void json_set_hex(struct json *object, const char *key, const uint8_t *data, size_t len);
/* "2026-11-23T08:00:00Z"; null for 0. */
void json_set_time(struct json *object, const char *key, uint64_t time_s);
void json_set_child(struct json *object, const char *key, struct json *child);

/* At the end of an array.  json_append takes child over. */
void json_append(struct json *array, struct json *child);
void json_append_text(struct json *array, const char *value);
void json_append_number(struct json *array, uint64_t value);

/* Indented, with a line feed at the end.  0, -ENOMEM, -EOVERFLOW, -EINVAL, or -errno of writing. */
int json_print(const struct json *json, FILE *file);
/* In one line without a line feed, zero-terminated; *out is freed by the caller. */
int json_dump(const struct json *json, char **out, size_t *len);

/*
 * One whole document of at most JSON_BYTES_MAX: UTF-8, no key twice in an object, nothing behind
 * it, an object or an array outside.  0 or VERDICT_BAD_PROTOCOL; -ENOMEM.
 */
int json_parse(struct json **out, const void *data, size_t len);

struct json_view json_view_of(const struct json *json);
/* The value of a key in an object; the i-th value of an array. */
struct json_view json_get(struct json_view object, const char *key);
struct json_view json_at(struct json_view array, size_t index);
/* Values in an array, keys in an object, else 0. */
size_t json_count(struct json_view view);
/* The i-th key of an object, in the order of the document; NULL when there is none. */
const char *json_key(struct json_view object, size_t index);
/* NULL when it is no text. */
const char *json_text(struct json_view view);
/* False, and *out untouched, when it is no whole number from 0, or no boolean. */
bool json_number(struct json_view view, uint64_t *out);
bool json_bool(struct json_view view, bool *out);

/* The same for the value of a key, with what to give when it is not there or of another type. */
const char *json_get_text(struct json_view object, const char *key, const char *otherwise);
uint64_t json_get_number(struct json_view object, const char *key, uint64_t otherwise);
bool json_get_bool(struct json_view object, const char *key, bool otherwise);

#endif
